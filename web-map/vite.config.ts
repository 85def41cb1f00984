import { defineConfig } from 'vite';

const server = process.env.WANGGE_URL ?? 'http://127.0.0.1:8470';

export default defineConfig({
  // A development server passes everything that is data to a running wangge, under its own name: the styles hold
  // absolute addresses of tiles, made from the name the client used.
  server: {
    proxy: Object.fromEntries(
      ['/api', '/tiles', '/styles', '/readyz'].map((path) => [path, { target: server, changeOrigin: false }]),
    ),
  },
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false }, // the polyfill is an inline script, which the content policy forbids
    chunkSizeWarningLimit: 1200, // MapLibre is one module of 1 MB
  },
  worker: { format: 'es' },
});
