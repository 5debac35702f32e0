// What is drawn over the original: ellipsoids, or strokes of a pen.

import { type Niivue, cmapper } from "@niivue/niivue";
import type { Feature, Label, Place, Triple } from "../api";

type Axis = 0 | 1 | 2;

interface Grid {
  size: Triple;
  origin: Triple;
  /** World steps of one voxel along each axis of the array. */
  steps: [Triple, Triple, Triple];
}

function grid(viewer: Niivue): Grid {
  const image = viewer.volumes[0];
  if (!image?.matRAS || !image.dimsRAS) throw new Error("The image has no place.");
  const matrix = image.matRAS;
  const at = (x: number, y: number, z: number): Triple => {
    const mm = image.vox2mm([x, y, z], matrix);
    return [mm[0], mm[1], mm[2]];
  };
  const origin = at(0, 0, 0);
  const from = (mm: Triple): Triple => [mm[0] - origin[0], mm[1] - origin[1], mm[2] - origin[2]];
  const [, nx = 1, ny = 1, nz = 1] = image.dimsRAS;
  return { size: [nx, ny, nz], origin, steps: [from(at(1, 0, 0)), from(at(0, 1, 0)), from(at(0, 0, 1))] };
}

/** The range of voxels along an axis that an ellipsoid can reach; axes may be a little turned. */
function reach(where: Grid, place: Place, axis: Axis): [number, number] {
  const step = where.steps[axis];
  const length = Math.hypot(...step);
  const middle = ([0, 1, 2] as const).reduce<number>(
    (sum, one) => sum + ((place.CentreMm[one] - where.origin[one]) * step[one]) / length / length, 0);
  const far = Math.hypot(...place.RadiiMm) / length + 1;
  return [Math.max(0, Math.floor(middle - far)), Math.min(where.size[axis] - 1, Math.ceil(middle + far))];
}

/** Fill the voxels of an ellipsoid with a label. */
export function rasterise(bitmap: Uint8Array, where: Grid, place: Place, label: number): void {
  const [nx, ny] = where.size;
  const [x0, x1] = reach(where, place, 0);
  const [y0, y1] = reach(where, place, 1);
  const [z0, z1] = reach(where, place, 2);
  const [sx, sy, sz] = where.steps;
  for (let z = z0; z <= z1; z++) {
    for (let y = y0; y <= y1; y++) {
      for (let x = x0; x <= x1; x++) {
        let sum = 0;
        for (const one of [0, 1, 2] as const) {
          const mm = where.origin[one] + x * sx[one] + y * sy[one] + z * sz[one];
          sum += ((mm - place.CentreMm[one]) / place.RadiiMm[one]) ** 2;
        }
        if (sum <= 1) bitmap[x + nx * (y + ny * z)] = label;
      }
    }
  }
}

export class Drawing {
  private painted: Uint8Array | null = null;
  private painting = false;

  constructor(
    private readonly viewer: Niivue,
    private readonly labels: Label[],
  ) {
    const rgb = labels.map((one) => [1, 3, 5].map((at) => parseInt(one.color.slice(at, at + 2), 16)));
    const channel = (n: number): number[] => [0, ...rgb.map((one) => one[n] ?? 0)];
    viewer.drawLut = cmapper.makeDrawLut({
      R: channel(0), G: channel(1), B: channel(2),
      A: [0, ...labels.map(() => 255)],
      I: [0, ...labels.map((one) => one.index)],
      labels: ["", ...labels.map((one) => one.name)],
    });
  }

  /** Return the voxels to draw on; an empty drawing would spoil the light of the 3D view. */
  private bitmap(): Uint8Array {
    if (!this.viewer.drawBitmap) this.viewer.createEmptyDrawing();
    if (!this.viewer.drawBitmap) throw new Error("Nothing can be drawn on this image.");
    return this.viewer.drawBitmap;
  }

  private indexOf(name: string): number {
    return this.labels.find((one) => one.name.replace(" ", "_") === name)?.index ?? 0;
  }

  /** Show ellipsoids in place of what was painted. */
  ellipsoids(features: Record<string, Feature>): void {
    this.keep();
    const bitmap = this.bitmap();
    bitmap.fill(0);
    const where = grid(this.viewer);
    for (const [name, feature] of Object.entries(features)) {
      if ("CentreMm" in feature) rasterise(bitmap, where, feature, this.indexOf(name));
    }
    this.viewer.refreshDrawing(true);
  }

  /** Let the pen draw a feature; "" rubs out. */
  pen(name: string): void {
    if (!this.painting) {
      this.painting = true;
      const bitmap = this.bitmap();
      bitmap.set(this.painted ?? new Uint8Array(bitmap.length));
      this.viewer.refreshDrawing(true);
    }
    this.viewer.setDrawingEnabled(true);
    this.viewer.setPenValue(this.indexOf(name), true);
  }

  private keep(): void {
    if (this.painting && this.viewer.drawBitmap) this.painted = this.viewer.drawBitmap.slice();
    this.painting = false;
    this.viewer.setDrawingEnabled(false);
  }

  hide(): void {
    this.keep();
    this.viewer.closeDrawing();
  }

  undo(): void {
    if (this.painting) this.viewer.drawUndo();
  }

  /** Return what was painted, as a gzipped NIfTI file on the grid of the original. */
  async packed(): Promise<Blob> {
    const content = await this.viewer.saveImage({ filename: "", isSaveDrawing: true, volumeByIndex: 0 });
    if (!(content instanceof Uint8Array)) throw new Error("Nothing was painted.");
    const bytes = new Blob([content.slice()]);
    return new Response(bytes.stream().pipeThrough(new CompressionStream("gzip"))).blob();
  }
}
