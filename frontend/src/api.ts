// Questions to the server, answers with their types.

export class Failure extends Error {
  constructor(
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

export type Query = Record<string, string>;

export function address(path: string, query: Query = {}): string {
  const text = new URLSearchParams(query).toString();
  return `/api/${path}${text ? `?${text}` : ""}`;
}

async function answer(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, cache: "no-store", credentials: "same-origin" });
  } catch {
    throw new Failure("The server does not answer.", "Start bids-deface-ui again; runs go on.");
  }
  if (response.ok) return response;
  const text = await response.text();
  try {
    const told = JSON.parse(text) as { error: string; hint: string };
    throw new Failure(told.error, told.hint);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(text || `The server says ${response.status}.`, "");
  }
}

export async function get<T>(path: string, query: Query = {}): Promise<T> {
  return (await (await answer(address(path, query), {})).json()) as T;
}

export async function getBytes(path: string, query: Query): Promise<ArrayBuffer> {
  return (await answer(address(path, query), {})).arrayBuffer();
}

export async function post<T>(path: string, body: object): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  return (await (await answer(address(path), init)).json()) as T;
}

export async function postBytes<T>(path: string, query: Query, body: BodyInit): Promise<T> {
  const headers = { "Content-Type": "application/octet-stream" };
  return (await (await answer(address(path, query), { method: "POST", headers, body })).json()) as T;
}

export type Kind = "dataset" | "dicom" | "image";

export interface Option {
  name: string;
  help: string;
  kind: "switch" | "words" | "word" | "number";
  choices: string[];
  default: string | number | boolean | null;
}

export interface Label {
  index: number;
  name: string;
  color: string;
}

export interface Choices {
  version: string;
  roots: string[];
  protocols: Record<string, Record<string, string>>;
  labels: Label[];
  options: Record<Kind, Option[]>;
}

export interface Entry {
  name: string;
  path: string;
  kind: "folder" | "dataset" | "output" | "image";
}

export interface Listing {
  path: string;
  parent: string | null;
  kind?: string;
  entries: Entry[];
  more: number;
  problem?: string;
}

export interface PlannedImage {
  action: string;
  name: string;
  target: string;
  note: string;
}

export interface Plan {
  plan: string;
  command: string;
  lines: string[];
  images: PlannedImage[];
  messages: string;
  exit_code: number;
}

export interface RunSummary {
  name: string;
  state: "running" | "finished" | "cancelled" | "interrupted";
  exit_code: number | null;
  ended: number | null;
  kind: Kind;
  title: string;
  source: string;
  output: string;
  command: string;
  started: number;
  review: boolean;
}

export interface RunDetails extends RunSummary {
  plan: string[];
  images: PlannedImage[];
  messages: string;
}

export interface Told {
  text: string;
  image: { done: number; total: number; name: string; verdict: string; text: string } | null;
}

export interface Decision {
  decision: string;
  reviewer: string;
  reason: string;
  time: string;
}

export interface ImageRow {
  source: string;
  name: string;
  subject: string;
  session: string;
  suffix: string;
  verdict: string;
  reasons: string[];
  hint: string;
  notes: string[];
  statuses: string[];
  changed: number | null;
  faces_before: number | null;
  faces_after: number | null;
  height: number | null;
  height_at: string;
  relief: number | null;
  relief_at: string;
  brain: number | null;
  seconds: number | null;
  outliers: string[];
  stamp: string;
  decision: Decision | null;
  released: boolean;
  stale: boolean;
  corrected: boolean;
}

export interface Review {
  raw: string;
  out: string;
  decisions: string;
  images: ImageRow[];
}

export type Triple = [number, number, number];
export type Place = { CentreMm: Triple; RadiiMm: Triple };
export type Feature = Place | { Absent: true };
export type Part = "original" | "defaced" | "mask" | "dseg";

export interface Correction {
  Features: Record<string, Feature>;
  Labels?: string;
  Reviewer?: string;
  Reason?: string;
}

export interface ImageDetails {
  source: string;
  stamp: string;
  parts: Record<Part, boolean>;
  places: Record<string, Place>;
  correction: Correction | null;
}
