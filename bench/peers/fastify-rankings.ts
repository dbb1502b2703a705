import fastify from 'fastify';
import postgres from 'postgres';

/**
 * Implements the rankings as one writes them with Fastify. `/cached` sends JSON made at start; `/api/public/rankings` queries
 * the database for each request and uses the service's counters.
 */
const sql = postgres(process.env['DATABASE_URL'] ?? '', { max: 10 });
const app = fastify({ logger: true });
const cached = JSON.stringify(await readRankings(10, 0));

app.get('/', async () => 'ready');
app.get('/cached', async (_, reply) => reply.type('application/json').send(cached));
app.get('/api/public/rankings', async (request) => {
  const { page = '1', limit = '10' } = request.query as Record<string, string>;
  return readRankings(Number(limit), (Number(page) - 1) * Number(limit));
});
await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });

async function readRankings(limit: number, offset: number) {
  const rows = await sql`
    select first_name, last_name, city, votes from users order by votes desc, id limit ${limit} offset ${offset}`;
  return rows.map((row, i) => ({
    position: offset + i + 1,
    username: `${row['first_name']} ${row['last_name']}`,
    city: row['city'] ?? '',
    votes: Number(row['votes']),
  }));
}
