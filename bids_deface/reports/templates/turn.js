"use strict";
// A head that can be turned: WebGL, one light, no library.
const VERTEX = `
attribute vec3 place; attribute vec3 normal; uniform mat3 turn; uniform float scale; uniform float depth; varying vec3 n;
void main() { n = turn * normal; vec3 p = turn * place; gl_Position = vec4(p.x * scale, p.z * scale, p.y * depth, 1.0); }`;
const FRAGMENT = `
precision mediump float; varying vec3 n;
void main() {
  vec3 u = normalize(n);
  float light = max(dot(u, normalize(vec3(-0.35, -0.82, 0.45))), 0.0);
  gl_FragColor = vec4(vec3(0.12 + 0.82 * light), 1.0);
}`;

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = new DataView(await new Response(stream).arrayBuffer());
  const points = data.getUint32(0, true), triangles = data.getUint32(4, true), step = data.getFloat32(8, true);
  const places = new Float32Array(3 * points), corners = new Uint16Array(3 * triangles);
  for (let i = 0; i < places.length; i++) places[i] = data.getInt16(12 + 2 * i, true) * step;
  for (let i = 0; i < corners.length; i++) corners[i] = data.getUint16(12 + 6 * points + 2 * i, true);
  return { places, corners };
}

function normalsOf({ places, corners }) {
  const normals = new Float32Array(places.length);
  for (let t = 0; t < corners.length; t += 3) {
    const [a, b, c] = [3 * corners[t], 3 * corners[t + 1], 3 * corners[t + 2]];
    const u = [0, 1, 2].map((k) => places[b + k] - places[a + k]);
    const v = [0, 1, 2].map((k) => places[c + k] - places[a + k]);
    const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    for (const corner of [a, b, c]) for (let k = 0; k < 3; k++) normals[corner + k] += n[k];
  }
  return normals;
}

function program(gl) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  gl.useProgram(made);
  return made;
}

// World axes are right, anterior, superior; the viewer stands in front and sees the left on the right.
function rotation(yaw, pitch) {
  const [c, s, d, e] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const about = [[-c, -s, 0], [s, -c, 0], [0, 0, 1]];
  const nod = [[1, 0, 0], [0, d, -e], [0, e, d]];
  const out = [];
  for (let column = 0; column < 3; column++) {
    for (let row = 0; row < 3; row++) {
      out.push([0, 1, 2].reduce((sum, k) => sum + nod[row][k] * about[k][column], 0));
    }
  }
  return new Float32Array(out);
}

function begin(canvas, mesh) {
  const size = Math.round(canvas.clientWidth * Math.min(2, window.devicePixelRatio || 1));
  canvas.width = canvas.height = size;
  const gl = canvas.getContext("webgl", { preserveDrawingBuffer: true });
  if (!gl) throw new Error("no WebGL");
  const made = program(gl);
  for (const [name, values] of [["place", mesh.places], ["normal", normalsOf(mesh)]]) {
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    const at = gl.getAttribLocation(made, name);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 0, 0);
  }
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, mesh.corners, gl.STATIC_DRAW);
  gl.enable(gl.DEPTH_TEST);
  gl.clearColor(0.063, 0.063, 0.078, 1);
  let farthest = 0;
  for (let i = 0; i < mesh.places.length; i += 3) farthest = Math.max(farthest, Math.hypot(mesh.places[i], mesh.places[i + 1], mesh.places[i + 2]));
  let yaw = 0.5, pitch = 0, zoom = 1, grip = null;
  const draw = () => {
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix3fv(gl.getUniformLocation(made, "turn"), false, rotation(yaw, pitch));
    gl.uniform1f(gl.getUniformLocation(made, "scale"), zoom / farthest);
    gl.uniform1f(gl.getUniformLocation(made, "depth"), 0.9 / farthest);
    gl.drawElements(gl.TRIANGLES, mesh.corners.length, gl.UNSIGNED_SHORT, 0);
    canvas.dataset.drawn = `${yaw.toFixed(2)} ${pitch.toFixed(2)} ${zoom.toFixed(2)}`;
  };
  const move = (dx, dy) => {
    yaw += dx;
    pitch = Math.max(-1.4, Math.min(1.4, pitch + dy));
    draw();
  };
  const enlarge = (factor) => { zoom = Math.max(0.5, Math.min(4, zoom * factor)); draw(); };
  const keys = {
    ArrowLeft: () => move(-0.15, 0), ArrowRight: () => move(0.15, 0),
    ArrowUp: () => move(0, -0.15), ArrowDown: () => move(0, 0.15),
    "+": () => enlarge(1.15), "-": () => enlarge(1 / 1.15),
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.key in keys) { keys[event.key](); event.preventDefault(); }
  });
  canvas.addEventListener("pointerdown", (event) => { grip = event; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (grip) { move((event.clientX - grip.clientX) / 120, (event.clientY - grip.clientY) / 120); grip = event; }
  });
  canvas.addEventListener("pointerup", () => { grip = null; });
  canvas.addEventListener("pointercancel", () => { grip = null; });
  draw();
}

// Only heads that are looked at: a browser draws few at a time.
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    const figure = target.closest("figure");
    unpack(figure.querySelector("script").textContent)
      .then((mesh) => begin(target, mesh))
      .catch(() => { figure.remove(); });
  }
}, { rootMargin: "200px" });
for (const canvas of document.querySelectorAll("canvas.head")) watcher.observe(canvas);
