/**
 * The house rules on who may import whom. Imports go down only:
 *   base < mp4 | multipart | objects | database | queue | rate-limits < actions | queries < http < main
 * Type-only imports count, too.
 */
const base = '^src/(config|errors|limits|log|metrics|request-seconds|with-timeout|clock|dependencies|semaphore)\\.ts$';
const parts = 'mp4|multipart|objects|database|queue|rate-limits';

/** Each third-party package that does something for the service, and the one place that knows it. */
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
  '@node-rs/crc32': '^src/objects/',
  pino: '^src/log\\.ts$',
  'prom-client': '^(src|worker)/(metrics|request-seconds)\\.ts$',
};

/** The same for what only measures. */
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
    comment: 'Two files that need each other are one file, or lack a third.',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
  {
    name: 'resolvable',
    comment: 'What is imported is there; what the build makes may not be there yet.',
    severity: 'error',
    from: { pathNot: '^k6/' },
    to: { couldNotResolve: true, pathNot: '(^|/)dist/' },
  },
  {
    name: 'declared',
    comment: 'A package that is used is a dependency of ours, not somebody else’s; what runs needs no tool.',
    severity: 'error',
    from: { path: '^(src|worker)/' },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: 'node_modules/@types/' },
  },
  {
    name: 'base-is-lowest',
    comment: 'Config, errors, limits, log and metrics know nobody.',
    severity: 'error',
    from: { path: base },
    to: { path: '^(src|worker)/', pathNot: base },
  },
  {
    name: 'parts-are-apart',
    comment: 'Parser, object store, database, queue and rate limits know the base and themselves, never each other.',
    severity: 'error',
    from: { path: `^src/(${parts})/` },
    to: { path: '^(src|worker)/', pathNot: [base, '^src/$1/'] },
  },
  {
    name: 'multipart-is-pure',
    comment: 'Bytes in, parts out: the parser knows neither sockets nor files nor packages.',
    severity: 'error',
    from: { path: '^src/multipart/' },
    to: { dependencyTypes: ['core', 'npm'], pathNot: '^(node:)?(buffer|assert|util|events|string_decoder)$' },
  },
  {
    name: 'identity-is-alone',
    comment: 'Passwords, tokens and settings know the base alone.',
    severity: 'error',
    from: { path: '^src/(passwords|tokens|settings|aws-settings)\\.ts$' },
    to: { path: '^(src|worker)/', pathNot: [base, '^src/aws-settings\\.ts$'] },
  },
  {
    name: 'aws-settings-is-of-settings',
    comment: 'Whoever wants settings asks settings.ts.',
    severity: 'error',
    from: { pathNot: '^src/settings\\.ts$' },
    to: { path: '^src/aws-settings\\.ts$' },
  },
  {
    name: 'actions-and-queries-are-apart',
    comment: 'What changes something and what answers a GET know the parts below them, never each other or HTTP.',
    severity: 'error',
    from: { path: '^src/(actions|queries)/' },
    to: { path: '^src/(actions|queries|http|main\\.ts|settings\\.ts|shutdown\\.ts)', pathNot: '^src/$1/' },
  },
  {
    name: 'http-is-below-main',
    comment: 'HTTP is opened by main and knows neither it nor where settings come from.',
    severity: 'error',
    from: { path: '^src/http/' },
    to: { path: '^src/(main|settings)\\.ts$' },
  },
  {
    name: 'main-is-highest',
    comment: 'Nobody imports an entry: importing it would start the process.',
    severity: 'error',
    from: {},
    to: { path: '^(src|worker)/main\\.ts$' },
  },
  {
    name: 'worker-without-web',
    comment: 'The worker takes no request.',
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
    comment: 'A pool thread may be ended at any moment: it holds nothing open.',
    severity: 'error',
    from: { path: '^worker/(transcode|pool-thread)\\.ts$' },
    to: {
      path: '^src/(objects|database|queue|rate-limits)/|node_modules/(@aws-sdk|postgres|bullmq|ioredis|prom-client)/',
      reachable: true,
    },
  },
  {
    name: 'product-without-tools',
    comment: 'What runs in production needs no test, bench or script.',
    severity: 'error',
    from: { path: '^(src|worker)/' },
    to: { path: '^(test|bench|scripts|k6|capacity_planning|cloud_load_testing)/' },
  },
  {
    name: 'scripts-without-tests',
    comment: 'Scripts and benches stand without the tests.',
    severity: 'error',
    from: { path: '^(scripts|bench|capacity_planning|cloud_load_testing|k6)/' },
    to: { path: '^test/' },
  },
  {
    name: 'benches-are-last',
    comment: 'A bench is an end: what others measure with, too, stands in scripts/lib and scripts/dev.',
    severity: 'error',
    from: { path: '^(scripts|capacity_planning|cloud_load_testing|k6)/' },
    to: { path: '^bench/' },
  },
  {
    name: 'no-script-is-imported',
    comment:
      'A script is an end; lib, dev/servers, dev/testbed and test/production are what scripts, benches and reports are made of.',
    severity: 'error',
    from: { path: '^(bench|capacity_planning|cloud_load_testing|k6)/' },
    to: { path: '^scripts/(?!(lib|dev/servers|dev/testbed|test/production)/)' },
  },
  {
    name: 'k6-is-alone',
    comment: 'Scenarios run inside k6, which has its own modules, our lib and the objectives.',
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
    comment: `Only ${owner} knows it, so that it can be exchanged there.`,
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
