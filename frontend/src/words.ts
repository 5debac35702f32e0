// What things are called on the page.

import type { ImageRow, RunSummary } from "./api";

export const OPTION_LABELS: Record<string, string> = {
  features: "Features to hide",
  protocol: "Methods",
  level: "How much is hidden",
  on_doubt: "What becomes of an image in doubt",
  participant_label: "Participants only",
  session_label: "Sessions only",
  modalities: "Kinds of image only",
  include: "More than anatomical images",
  nprocs: "Images at once",
  keep_extensions: "Keep header extensions",
  skip_bids_validation: "Do not validate the dataset",
  force: "Do again what was done before",
  keep_dates: "Dates in headers",
  clean_descriptors: "Keep harmless words of descriptions",
  keep_patient_characteristics: "Keep sex, age, size, weight",
  include_other: "Copy series that show no head",
  accept_doubt: "Write the image in spite of doubts",
};

export const KINDS = {
  dataset: "a BIDS dataset",
  dicom: "a folder of DICOM files",
  image: "a single image",
} as const;

export const TITLES: Record<string, string> = {
  run: "Defacing",
  release: "Release of accepted images",
  redo: "One image again, corrected",
};

const EXITS: Record<number, string> = {
  0: "All went well.",
  1: "Some images await review or failed.",
  16: "The dataset is not valid BIDS.",
  18: "The choices leave no image to work on.",
  64: "The choices do not go together.",
  65: "The image cannot be used.",
  66: "The input is missing.",
  69: "The network's weights or the device are missing.",
  73: "The output folder cannot be written.",
  74: "The disk did not answer.",
  75: "A worker was killed; there may be too little memory.",
  130: "It was interrupted.",
  143: "It was ended from outside.",
};

export function runInWords(run: RunSummary): string {
  if (run.state === "running") return "Running";
  if (run.state === "cancelled") return "Cancelled; what was done is kept.";
  if (run.state === "interrupted") {
    return "Interrupted: the machine or the process stopped. Start it again to go on.";
  }
  return EXITS[run.exit_code ?? 70] ?? "An internal error: see the messages.";
}

export function decisionInWords(row: ImageRow): string {
  if (row.released) return "released";
  if (!row.decision) return row.verdict === "REVIEW" ? "to be looked at" : "";
  const word = row.decision.decision === "accept" ? "accepted" : "rejected";
  return row.stale ? `${word}, but done again since` : word;
}

export function when(seconds: number | null): string {
  if (seconds === null) return "";
  return new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

export function featureLabel(name: string): string {
  return name.replace("_", " ");
}
