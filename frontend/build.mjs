// Bundle the page into the package: the same bytes for the same sources and lock file.
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = process.argv[2]
  ? path.resolve(process.argv[2])
  : path.join(here, "..", "bids_deface", "review", "static");

/** Codecs of Zarr archives, which the viewer could open and this page never does: 1.4 MB. */
const withoutCodecs = {
  name: "without codecs",
  setup(one) {
    one.onResolve({ filter: /^numcodecs/ }, () => ({ path: "codec", namespace: "none" }));
    one.onLoad({ filter: /.*/, namespace: "none" }, () => ({
      contents: 'throw new Error("Zarr is not supported here.")',
    }));
  },
};

/** Return name, version, licence and its text of each package in the bundle. */
async function licences(inputs) {
  const found = new Set();
  for (const name of inputs) {
    const match = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name);
    if (match) found.add(match[0]);
  }
  const texts = [];
  for (const folder of [...found].sort()) {
    const place = path.join(here, folder);
    const about = JSON.parse(await readFile(path.join(place, "package.json"), "utf8"));
    const files = (await readdir(place)).filter((name) => /^licen[cs]e/i.test(name)).sort();
    const text = files.length ? await readFile(path.join(place, files[0]), "utf8") : "";
    texts.push(`${about.name} ${about.version}: ${about.license}\n\n${text.trim()}\n`);
  }
  const line = `${"-".repeat(79)}\n`;
  return `The page holds code of these packages.\n\n${line}${texts.join(line)}`;
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { main: "src/main.ts", page: "src/page.css" },
  outdir: out,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  chunkNames: "[name]-[hash]",
  logLevel: "warning",
  metafile: true,
  plugins: [withoutCodecs],
});
await copyFile(path.join(here, "src", "index.html"), path.join(out, "index.html"));
await writeFile(path.join(out, "licences.txt"), await licences(Object.keys(metafile.inputs)));
