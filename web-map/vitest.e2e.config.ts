import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'],
    environment: 'node',
    fileParallelism: false, // one browser at a time: software rendering needs the machine
    retry: 1, // a busy machine may draw too late once, and the report says so; what is wrong is wrong twice
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: ['e2e/server.ts'],
  },
});
