/**
 * Rules on imports. Imports go down only:
 *   base < mp4 | multipart | objects | database | queue | rate-limits < actions | queries < http < main
 * Type-only imports count too.
 */
const base =
  '^src/(config|errors|limits|log|metrics|request-seconds|with-timeout|clock|dependencies|semaphore|trusted-networks)\\.ts$';
const parts = 'mp4|multipart|objects|database|queue|rate-limits';

/** Packages of the service, and the only place that may import each. */
const owners = {
  'uWebSockets\\.js': '^src/http/',
  'ajv|@sinclair/typebox|tr46|jsonc-parser|swagger-ui-dist': '^src/http/',
  '@aws-sdk|@smithy': '^src/(objects/|aws-settings\\.ts$)',
  postgres: '^src/database/',
  'bullmq|ioredis': '^src/queue/',
  'rate-limiter-flexible': '^src/rate-limits/',
  piscina: '^worker/',
  'fast-jwt': '^src/tokens\\.ts$',
  '@node-rs/(argon2|bcrypt)': '^src/passwords\\.ts$',
  '@zxcvbn-ts/language-common': '^src/weak-passwords\\.ts$',
  '@node-rs/crc32': '^src/objects/',
  koffi: '^src/(http|queries)/',
  pino: '^src/log\\.ts$',
  'prom-client': '^(src|worker)/(metrics|request-seconds)\\.ts$',
};

/** Packages of the tools, and the only place that may import each. */
const toolOwners = {
  undici: '^k6/engine/',
  esbuild: '^(k6/engine/|scripts/lib/import-graph\\.ts$|test/aws/support/find-unresolved\\.ts$)',
  echarts: '^capacity_planning/lib/draw-chart\\.ts$',
  'ml-levenberg-marquardt': '^capacity_planning/lib/usl\\.ts$',
  'csv-parse': '^capacity_planning/lib/read-external-results\\.ts$',
};

const forbidden = [
  {
    name: 'no-cycle',
    comment: 'Files that import each other belong in one file, or need a third one.',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
  {
    name: 'resolvable',
    comment: 'Every import resolves, except to output of the build, which may not exist yet.',
    severity: 'error',
    from: { pathNot: '^(k6|test/acceptance/generated-clients)/' },
    to: { couldNotResolve: true, pathNot: '(^|/)dist/' },
  },
  {
    name: 'declared',
    comment: 'Every imported package is a direct dependency, and production code imports no development dependency.',
    severity: 'error',
    from: { path: '^(src|worker)/' },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: 'node_modules/@types/' },
  },
  {
    name: 'base-is-lowest',
    comment: 'Config, errors, limits, log and metrics import nothing above them.',
    severity: 'error',
    from: { path: base },
    to: { path: '^(src|worker)/', pathNot: base },
  },
  {
    name: 'parts-are-apart',
    comment: 'Parser, object store, database, queue and rate limits import the base, never each other.',
    severity: 'error',
    from: { path: `^src/(${parts})/` },
    to: { path: '^(src|worker)/', pathNot: [base, '^src/$1/'] },
  },
  {
    name: 'multipart-is-pure',
    comment: 'The parser uses no sockets, files or packages.',
    severity: 'error',
    from: { path: '^src/multipart/' },
    to: { dependencyTypes: ['core', 'npm'], pathNot: '^(node:)?(buffer|assert|util|events|string_decoder)$' },
  },
  {
    name: 'identity-is-alone',
    comment: 'Passwords, tokens and settings import only the base.',
    severity: 'error',
    from: { path: '^src/(passwords|tokens|settings|aws-settings)\\.ts$' },
    to: { path: '^(src|worker)/', pathNot: [base, '^src/aws-settings\\.ts$'] },
  },
  {
    name: 'aws-settings-is-of-settings',
    comment: 'Other files read settings through settings.ts.',
    severity: 'error',
    from: { pathNot: '^src/settings\\.ts$' },
    to: { path: '^src/aws-settings\\.ts$' },
  },
  {
    name: 'actions-and-queries-are-apart',
    comment: 'Actions and queries import what is below them, never each other or HTTP.',
    severity: 'error',
    from: { path: '^src/(actions|queries)/' },
    to: { path: '^src/(actions|queries|http|main\\.ts|settings\\.ts|shutdown\\.ts)', pathNot: '^src/$1/' },
  },
  {
    name: 'http-is-below-main',
    comment: 'main opens HTTP. HTTP imports neither main nor settings.',
    severity: 'error',
    from: { path: '^src/http/' },
    to: { path: '^src/(main|settings)\\.ts$' },
  },
  {
    name: 'main-is-highest',
    comment: 'No file imports an entry point: that would start the process.',
    severity: 'error',
    from: {},
    to: { path: '^(src|worker)/main\\.ts$' },
  },
  {
    name: 'worker-without-web',
    comment: 'The worker serves no requests.',
    severity: 'error',
    from: { path: '^worker/' },
    to: { path: '^src/(multipart|actions|queries|http)/' },
  },
  {
    name: 'web-without-worker',
    comment: 'A web process transcodes nothing.',
    severity: 'error',
    from: { path: '^src/' },
    to: { path: '^worker/' },
  },
  {
    name: 'pool-thread-without-connection',
    comment: 'A pool thread may be terminated at any moment, so it holds no connection.',
    severity: 'error',
    from: { path: '^worker/transcode\\.ts$' },
    to: {
      path: '^src/(objects|database|queue|rate-limits)/|node_modules/(@aws-sdk|postgres|bullmq|ioredis|prom-client)/',
      reachable: true,
    },
  },
  {
    name: 'product-without-tools',
    comment: 'Production code imports no test, bench or script.',
    severity: 'error',
    from: { path: '^(src|worker)/' },
    to: { path: '^(test|bench|scripts|k6|capacity_planning|cloud_load_testing)/' },
  },
  {
    name: 'scripts-without-tests',
    comment: 'Scripts and benches do not import tests.',
    severity: 'error',
    from: { path: '^(scripts|bench|capacity_planning|cloud_load_testing|k6)/' },
    to: { path: '^test/' },
  },
  {
    name: 'benches-are-last',
    comment: 'No file imports benches. Shared code of measurements is in scripts/lib and scripts/dev.',
    severity: 'error',
    from: { path: '^(scripts|capacity_planning|cloud_load_testing|k6)/' },
    to: { path: '^bench/' },
  },
  {
    name: 'scripts-lib-is-lowest',
    comment: 'The helpers of all scripts import no other folder of scripts.',
    severity: 'error',
    from: { path: '^scripts/lib/' },
    to: { path: '^scripts/(?!lib/)' },
  },
  {
    name: 'scripts-folders-are-apart',
    comment: 'A folder of scripts imports itself, lib and the development servers; test may import the others.',
    severity: 'error',
    from: { path: '^scripts/(ops|dev|aws)/' },
    to: { path: '^scripts/(?!lib/|dev/servers/)', pathNot: '^scripts/$1/' },
  },
  {
    name: 'no-script-is-imported',
    comment: 'Benches and reports use lib, dev/servers, dev/testbed and test/production; no other folder of scripts.',
    severity: 'error',
    from: { path: '^(bench|capacity_planning|cloud_load_testing|k6)/' },
    to: { path: '^scripts/(?!(lib|dev/servers|dev/testbed|test/production)/)' },
  },
  {
    name: 'k6-is-alone',
    comment: 'Scenarios run inside k6, so they import only its modules, k6/lib and the objectives.',
    severity: 'error',
    from: { path: '^k6/(?!engine/)' },
    to: { pathNot: '^(k6(/|$)|capacity_planning/slo\\.json$|https://)|node_modules/@types/k6/' },
  },
  ...ownerRules(owners, '^(src|worker)/'),
  ...ownerRules(toolOwners, '^(src|worker|scripts|bench|k6|capacity_planning|cloud_load_testing|test)/'),
];

function ownerRules(list, from) {
  return Object.entries(list).map(([packages, owner]) => ({
    name: `owner-of-${packages.replace(/[^a-zA-Z0-9]+/g, '-').replace(/^-/, '')}`,
    comment: `Only ${owner} may import it, so that it can be replaced there.`,
    severity: 'error',
    from: { path: from, pathNot: owner },
    to: { path: `node_modules/(${packages})/` },
  }));
}

module.exports = {
  forbidden,
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.data|\\.tools)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      extensions: ['.ts', '.mjs', '.js', '.json', '.d.ts'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
