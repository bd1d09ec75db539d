/** How the build hands the WebAssembly module to the file that holds it: as bytes, compressed. */
declare module "*.wasm.gz" {
  const bytes: Uint8Array;
  export default bytes;
}
