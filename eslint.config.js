import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What plain JavaScript files here use of Node. */
const nodeGlobals = Object.fromEntries(
  [
    'process',
    'console',
    'performance',
    'fetch',
    'Buffer',
    'URL',
    'AbortSignal',
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
    'module',
    '__dirname',
  ].map((name) => [name, name === 'module' ? 'writable' : 'readonly']),
);

export default tseslint.config(
  { ignores: ['**/dist/', '**/build/', '.tap/', 'data/'] },
  js.configs.recommended,
  { rules: { 'max-lines': ['error', { max: 300 }] } },
  {
    files: ['**/*.ts'],
    ignores: ['src/core-wasm/assembly/**'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './src/core-wasm/tsconfig.json', './src/web/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
    },
  },
  {
    files: ['src/storage/**/*.ts'],
    rules: {
      // What a port says is asynchronous rejects, also in an adapter that has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // tap itself waits for its tests.
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'tap', name: 'test' }] },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    // These have a Postgres of their own, but for the first, which says how to ask.
    ignores: ['test/support/postgres/postgres.ts', 'test/chaos/postgres/*.ts', 'test/chaos/cluster/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...[
          'Literal[value=/FROM pg_(stat_activity|locks)/]',
          'TemplateElement[value.raw=/FROM pg_(stat_activity|locks)/]',
        ].map((selector) => ({
          selector,
          message: 'Use ownSessions or ownLocks: other tests are on the same Postgres.',
        })),
      ],
    },
  },
  {
    // AssemblyScript: TypeScript's syntax, but types and globals that only its own compiler knows.
    files: ['src/core-wasm/assembly/**/*.ts'],
    extends: [tseslint.configs.base],
    rules: {
      'no-undef': 'off',
      'no-unused-vars': 'off',
      '@typescript-eslint/no-unused-vars': 'error',
      'prefer-const': 'error',
      'no-var': 'error',
      // Whole numbers have 64 bits there.
      'no-loss-of-precision': 'off',
      'max-lines': ['error', 300],
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: nodeGlobals },
  },
);
