import { Registry } from 'prom-client';
import t from 'tap';
import { createRequestSeconds } from '../src/request-seconds.ts';

t.test(
  'observations are reported as a Prometheus histogram, one series for each route, method and status',
  async (t) => {
    const registry = new Registry();
    const { observe } = createRequestSeconds(registry);
    observe('/x', 'GET', 200, 0.001);
    observe('/x', 'GET', 200, 0.0011);
    observe('/x', 'GET', 200, 1_000);
    observe('/x', 'GET', 404, 0.3);
    observe('/y/{id}', 'POST', 200, 0);
    const text = await registry.metrics();
    const read = (name: string, labels: string) =>
      Number(new RegExp(`^http_request_duration_seconds_${name}\\{${labels}\\} (\\S+)$`, 'm').exec(text)?.[1]);
    const labels = 'route="/x",method="GET",status="200"';
    t.match(text, '# TYPE http_request_duration_seconds histogram');
    t.equal(read('bucket', `le="0.001",${labels}`), 1, 'a bound belongs to its bucket');
    t.equal(read('bucket', `le="0.0025",${labels}`), 2);
    t.equal(read('bucket', `le="300",${labels}`), 2);
    t.equal(read('bucket', `le="\\+Inf",${labels}`), 3);
    t.equal(read('count', labels), 3);
    t.equal(read('sum', labels), 1_000.0021);
    t.equal(read('count', 'route="/x",method="GET",status="404"'), 1);
    t.equal(read('bucket', 'le="0.001",route="/y/{id}",method="POST",status="200"'), 1);
  },
);
