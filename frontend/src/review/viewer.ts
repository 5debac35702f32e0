// Two linked views of one head: the original and what was made of it.

import { NVImage, Niivue, SHOW_RENDER, SLICE_TYPE } from "@niivue/niivue";
import { type Label, type Part, type Triple, getBytes } from "../api";

/** Voxels darker than this share of the bright ones are air in the 3D view. */
const AIR = 0.12;
/** The face looks at whoever sits before the screen, a little turned. */
export const FRONT = 160;
export const VIEWS: Record<string, SLICE_TYPE> = {
  "all views": SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  "3D": SLICE_TYPE.RENDER,
};

export interface Wish {
  query: Record<string, string>;
  parts: Record<Part, boolean>;
  labels: Label[];
  onMove: (mm: Triple) => void;
}

interface Layers {
  mask?: NVImage | undefined;
  dseg?: NVImage | undefined;
}

async function load(part: Part, query: Record<string, string>): Promise<NVImage> {
  // From memory: the viewer would ask the browser to keep what it fetches itself.
  const content = await unpacked(await getBytes("voxels", { ...query, part }));
  const ending = part === "original" && /\.mg[hz]$/.test(query.source ?? "") ? "mgh" : "nii";
  const file = new File([content], `${part}.${ending}`);
  return NVImage.loadFromFile({ file, name: file.name, limitFrames4D: 1 });
}

/** Unpack a gzipped file, whatever its name says. */
async function unpacked(content: ArrayBuffer): Promise<ArrayBuffer> {
  const start = new Uint8Array(content, 0, Math.min(2, content.byteLength));
  if (start[0] !== 0x1f || start[1] !== 0x8b) return content;
  const stream = new Blob([content]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

function colours(labels: Label[]): { R: number[]; G: number[]; B: number[]; A: number[]; I: number[]; labels: string[] } {
  const rgb = labels.map((one) => [1, 3, 5].map((at) => parseInt(one.color.slice(at, at + 2), 16)));
  const channel = (n: number): number[] => [0, ...rgb.map((one) => one[n] ?? 0)];
  return {
    R: channel(0), G: channel(1), B: channel(2),
    A: [0, ...labels.map((one) => (one.name === "brain" ? 90 : 255))],
    I: [0, ...labels.map((one) => one.index)],
    labels: ["", ...labels.map((one) => one.name)],
  };
}

/** Grey, and in 3D a surface: whatever is no air can not be looked through. */
const SKIN = "skin";
const GREY = { R: [0, 60, 255], G: [0, 60, 255], B: [0, 60, 255], A: [0, 255, 255], I: [0, 60, 255] };

function view(onMove?: (mm: Triple) => void): Niivue {
  const viewer = new Niivue({
    show3Dcrosshair: true,
    multiplanarShowRender: SHOW_RENDER.ALWAYS,
    backColor: [0, 0, 0, 1],
    crosshairColor: [0.3, 0.8, 1, 0.7],
    crosshairWidth: 0.7,
    crosshairWidthUnit: "mm",
    dragAndDropEnabled: false,
    isColorbar: false,
    loadingText: "",
    logLevel: "silent",
  });
  viewer.drawOpacity = 0.45;
  viewer.addColormap(SKIN, GREY);
  if (onMove) {
    viewer.onLocationChange = (where) => {
      const { mm } = where as { mm: ArrayLike<number> };
      onMove([mm[0] ?? 0, mm[1] ?? 0, mm[2] ?? 0]);
    };
  }
  return viewer;
}

export class Viewer {
  readonly left: Niivue;
  readonly right: Niivue | undefined;
  private leftLayers: Layers = {};
  private rightLayers: Layers = {};
  /** Voxels of the defaced image and of the original. */
  private ends: (NVImage["img"] | undefined)[] = [];
  private wanted = 0;
  private blending = false;

  private constructor(
    private readonly wish: Wish,
    both: boolean,
  ) {
    this.left = view(wish.onMove);
    this.right = both ? view(wish.onMove) : undefined;
  }

  static async open(canvases: [HTMLCanvasElement, HTMLCanvasElement], wish: Wish): Promise<Viewer> {
    const made = new Viewer(wish, wish.parts.defaced);
    const asked = (["original", "defaced", "mask", "dseg"] as Part[]).filter((part) => wish.parts[part]);
    const images = Object.fromEntries(
      await Promise.all(asked.map(async (part) => [part, await load(part, wish.query)] as const)),
    ) as Partial<Record<Part, NVImage>>;
    await made.left.attachToCanvas(canvases[0]);
    await made.right?.attachToCanvas(canvases[1]);
    made.fill(images);
    return made;
  }

  private fill(images: Partial<Record<Part, NVImage>>): void {
    const { original, mask, dseg } = images;
    if (!original) throw new Error("The original is not there: is its content fetched?");
    this.leftLayers = this.stack(this.left, [original, mask?.clone(), dseg?.clone()]);
    if (this.right && images.defaced) this.pair(this.right, original, images.defaced, [mask, dseg]);
    for (const one of this.both()) {
      one.setRenderAzimuthElevation(FRONT, 5);
      void one.setVolumeRenderIllumination(0.7);
    }
  }

  private pair(right: Niivue, original: NVImage, defaced: NVImage, over: (NVImage | undefined)[]): void {
    this.rightLayers = this.stack(right, [defaced, ...over]);
    if (defaced.img?.length === original.img?.length) this.ends = [defaced.img?.slice(), original.img];
    // One brightness for both: a change of it would look like a change of the image.
    defaced.cal_min = original.cal_min ?? 0;
    defaced.cal_max = original.cal_max ?? 1;
    right.updateGLVolume();
    this.left.broadcastTo([right], { "2d": true, "3d": true });
    right.broadcastTo([this.left], { "2d": true, "3d": true });
  }

  /** Prepare the images of a view; what is not asked for is no part of it. */
  private stack(viewer: Niivue, [base, mask, dseg]: (NVImage | undefined)[]): Layers {
    if (base) {
      base.cal_min = (base.robust_max ?? 1) * AIR;
      base.setColormap(SKIN);
    }
    if (mask) {
      mask.setColormap("red");
      [mask.cal_min, mask.cal_max] = [0.5, 1];
    }
    dseg?.setColormapLabel(colours(this.wish.labels));
    if (base) viewer.addVolume(base);
    return { mask, dseg };
  }

  private both(): Niivue[] {
    return this.right ? [this.left, this.right] : [this.left];
  }

  /** Lay an image over a view, or take it away: a transparent one would still cast light. */
  private lay(viewer: Niivue, image: NVImage | undefined, opacity: number): void {
    if (!image) return;
    const at = viewer.volumes.indexOf(image);
    if (opacity === 0) {
      if (at > 0) viewer.removeVolume(image);
      return;
    }
    image.opacity = opacity;
    if (at < 0) viewer.addVolume(image);
    else viewer.setOpacity(at, opacity);
  }

  show(layer: "mask" | "dseg", shown: boolean, strength = 0.45): void {
    this.lay(this.left, this.leftLayers[layer], shown ? strength : 0);
    if (this.right) this.lay(this.right, this.rightLayers[layer], shown ? strength : 0);
  }

  /** Right view: 0 the defaced head, 1 the original; in between both, voxel by voxel. */
  blend(share: number): void {
    this.wanted = share;
    if (this.blending) return;
    this.blending = true;
    // One after the other, however fast the slider moves.
    requestAnimationFrame(() => {
      this.blending = false;
      const shown = this.right?.volumes[0]?.img;
      const [defaced, original] = this.ends;
      if (!this.right || !shown || !defaced || !original) return;
      for (let at = 0; at < shown.length; at++) {
        const old = Number(defaced[at]);
        shown[at] = old + this.wanted * (Number(original[at]) - old);
      }
      this.right.updateGLVolume();
    });
  }

  arrange(name: string): void {
    for (const one of this.both()) one.setSliceType(VIEWS[name] ?? SLICE_TYPE.MULTIPLANAR);
  }

  turn(azimuth: number): void {
    for (const one of this.both()) one.setRenderAzimuthElevation(azimuth, 5);
  }

  /** Put the crosshair of both views somewhere (world, mm). */
  goTo(mm: Triple): void {
    for (const one of this.both()) {
      const at = one.mm2frac([...mm]);
      one.scene.crosshairPos = at;
      one.drawScene();
    }
  }

  close(): void {
    for (const one of this.both()) {
      one.cleanup();
      one.gl.getExtension("WEBGL_lose_context")?.loseContext();
    }
  }
}
