/** How the build hands the WebAssembly module to the file that holds it: as bytes. */
declare module "*.wasm" {
  const bytes: Uint8Array;
  export default bytes;
}
