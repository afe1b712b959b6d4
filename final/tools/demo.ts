import { parseArgs } from 'node:util';
import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { DEMO_PASSWORD, MOST_FOLLOWED, usernameOf } from './accounts.ts';
import { Api, ApiRefusal, type Person } from './api.ts';
import { FanOutView } from './fan-out.ts';
import { followersOf, REAL_GRAPH, readGraph } from './graph.ts';
import { Refusal, runTool } from './refusal.ts';
import { playConversation } from './scenes/conversation.ts';
import { playExample } from './scenes/example.ts';
import { playPictures } from './scenes/pictures.ts';
import { playScrolling } from './scenes/scrolling.ts';
import { playStar } from './scenes/star.ts';
import { playWorkers } from './scenes/workers.ts';
import { startWorker } from './worker-process.ts';

const HELP = `npm run demo

Plays six scenes over HTTP: the worked example (four people, four posts); a post by the most
followed person of the seeded graph, and how it comes to the feeds; a worker that is killed while it
delivers, and another that goes on; comments and likes, and the inbox that tells of them; an avatar
and photos; and a reader who scrolls through a whole feed while others post. It talks to the server
at HOST and PORT (default: 127.0.0.1:3000), which needs a worker beside it; if no server answers
there, it starts both of its own and stops them at the end.`;

/** A server to talk to. */
interface Server {
  url: string;
  close(): Promise<void>;
}

async function main(): Promise<void> {
  if (wantsHelp()) return console.log(HELP);
  const server = await findServer();
  const view = new FanOutView(loadConfig(process.env));
  try {
    const api = new Api(server.url);
    const star = await requireStar(api);
    const followers = followersOf(await readGraph(REAL_GRAPH), MOST_FOLLOWED);
    const cast = await playExample(api, view);
    const delivered = await playStar(api, star, view, followers);
    await playWorkers(api, star, view, followers.length);
    await playConversation(api, star, delivered);
    await playPictures(api, cast, view);
    await playScrolling(api, star, delivered.fans, view);
  } finally {
    await view.close();
    await server.close();
  }
}

/** @throws {Refusal} with exit code 2 when there are other arguments. */
function wantsHelp(): boolean {
  try {
    const options = { help: { type: 'boolean', short: 'h', default: false } } as const;
    return parseArgs({ options }).values.help;
  } catch {
    throw new Refusal('"npm run demo" takes no arguments; HOST and PORT name the server.', 2);
  }
}

/** The server that is running, or one of our own. @throws {Refusal} when it has no database. */
async function findServer(): Promise<Server> {
  const config = loadConfig(process.env);
  const host = ['0.0.0.0', '::'].includes(config.HOST) ? '127.0.0.1' : config.HOST;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${config.PORT}`;
  if (config.PORT !== 0 && (await statusOf(`${url}/healthz`)) === 200) {
    console.log(`Talking to the server that runs at ${url}.`);
    return { url, close: async () => {} };
  }
  // The scenes play many people from one address. A server that runs has its limits, and we wait.
  const app = await buildApp({ config: { ...config, RATE_LIMIT_FACTOR: 100 } });
  const own = await app.listen({ host: '127.0.0.1', port: 0 });
  console.log(`No server answers at ${url}, so one was started at ${own} for this demo.`);
  if ((await statusOf(`${own}/readyz`)) === 200) {
    const worker = await startWorker();
    const close = async () => void (await Promise.all([app.close(), worker.stop()]));
    return { url: own, close };
  }
  await app.close();
  throw new Refusal(
    'Its database does not answer: start one with "npx course services up", or correct DATABASE_URL.',
  );
}

async function statusOf(url: string): Promise<number> {
  return fetch(url, { signal: AbortSignal.timeout(3_000) }).then(
    ({ status }) => status,
    () => 0,
  );
}

/** Logs in as the most followed person. @throws {Refusal} when there is none. */
async function requireStar(api: Api): Promise<Person> {
  try {
    return await api.logIn(usernameOf(MOST_FOLLOWED), DEMO_PASSWORD);
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    if (error.status === 401) {
      throw new Refusal(
        `The server at ${api.url} does not have the graph: load it with "npm run seed" and try again; if another server has taken the port, stop that one or set PORT.`,
      );
    }
    throw new Refusal(
      `${error.message} If ${api.url} is the finished app, migrate its database with "npm run migrate" in final/; if it is another server, set PORT.`,
    );
  }
}

if (import.meta.main) await runTool(main);
