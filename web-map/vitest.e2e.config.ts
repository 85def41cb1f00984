import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'],
    environment: 'node',
    fileParallelism: false, // one browser at a time: software rendering needs the machine
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: ['e2e/server.ts'],
  },
});
