import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { sql } from 'kysely';
import { randomFrom } from '../../tools/random.ts';
import * as expected from './expected.ts';
import { comparePages, type Page, same } from './pages.ts';
import type { World } from './world.ts';

/**
 * What happens in a history. Numbers choose among what is there then: user 7 of three is user 1.
 * So any part of a history is a history, too, and fast-check can shrink it.
 */
export type Action =
  | ['sign up']
  | ['rename', user: number]
  | ['follow' | 'unfollow', user: number, whom: number]
  | ['post', user: number]
  | ['delete', tweet: number]
  | ['like' | 'unlike', user: number, tweet: number]
  | ['comment', user: number, tweet: number]
  | ['delete comment', comment: number]
  | ['like comment' | 'unlike comment', user: number, comment: number]
  | ['read feed', user: number, limit: number, pages: number]
  | ['read timeline', user: number, whose: number, limit: number, pages: number]
  | ['read tweet', user: number, tweet: number]
  | ['read followers', user: number, whose: number]
  | ['evict', seed: number]
  | ['restart', app: number]
  | ['compare', limit: number]
  | ['at once', Action[][]]
  | ['held', word: number, copies: 'cold' | 'warm', held: Action, meanwhile: Action[]];

export interface History {
  /** How many tweets the first users have before it begins, which have followers already. */
  before: number[];
  actions: Action[];
}

const n = fc.nat({ max: 99 });
const word = <W extends string>(...words: W[]) => fc.constantFrom(...words);
const change: fc.WeightedArbitrary<Action>[] = [
  { weight: 8, arbitrary: fc.tuple(fc.constant('post'), n) },
  { weight: 6, arbitrary: fc.tuple(word('follow'), n, n) },
  { weight: 3, arbitrary: fc.tuple(word('unfollow'), n, n) },
  { weight: 3, arbitrary: fc.tuple(word('delete'), n) },
  { weight: 3, arbitrary: fc.tuple(word('like', 'unlike'), n, n) },
  { weight: 2, arbitrary: fc.tuple(word('comment'), n, n) },
  { weight: 1, arbitrary: fc.tuple(word('delete comment'), n) },
  { weight: 1, arbitrary: fc.tuple(word('like comment', 'unlike comment'), n, n) },
  { weight: 1, arbitrary: fc.tuple(word('rename'), n) },
];
const limits = fc.integer({ min: 1, max: 5 });
const pages = fc.integer({ min: 1, max: 4 });
const read: fc.WeightedArbitrary<Action>[] = [
  { weight: 8, arbitrary: fc.tuple(word('read feed'), n, limits, pages) },
  { weight: 3, arbitrary: fc.tuple(word('read timeline'), n, n, limits, pages) },
  { weight: 1, arbitrary: fc.tuple(word('read tweet'), n, n) },
  { weight: 1, arbitrary: fc.tuple(word('read followers'), n, n) },
];
const rare: fc.WeightedArbitrary<Action>[] = [
  { weight: 1, arbitrary: fc.tuple(word('sign up')) },
  { weight: 2, arbitrary: fc.tuple(word('evict'), n) },
  { weight: 1, arbitrary: fc.tuple(word('restart'), n) },
  { weight: 2, arbitrary: fc.tuple(word('compare'), limits) },
];
const oneOf = (...arbitraries: fc.WeightedArbitrary<Action>[][]) => fc.oneof(...arbitraries.flat());

/** One thing after the other. */
export const sequential: fc.Arbitrary<History> = fc.record({
  before: fc.constant([]),
  actions: fc.array(oneOf(change, read, rare), { minLength: 1, maxLength: 40, size: 'max' }),
});

/** Two to four do up to three things each at the same time, again and again, over two processes. */
export const concurrent: fc.Arbitrary<History> = fc.record({
  before: fc.constant([]),
  actions: fc.array(
    fc.oneof(...change, ...rare, {
      weight: 30,
      arbitrary: fc.tuple(
        fc.constant('at once'),
        fc.array(fc.array(oneOf(change, read), { minLength: 1, maxLength: 3, size: 'max' }), {
          ...{ minLength: 2, maxLength: 4, size: 'max' },
        }),
      ) as fc.Arbitrary<Action>,
    }),
    { minLength: 1, maxLength: 15, size: 'max' },
  ),
});

/**
 * One process is held in the middle of something, between two words to its services, and goes on
 * when another has done what it does meanwhile: that is what most races are.
 */
const reads = oneOf(read.slice(0, 2));
const anything = fc.oneof({ weight: 3, arbitrary: oneOf(change) }, { weight: 1, arbitrary: reads });
export const held: fc.Arbitrary<History> = fc.record({
  before: fc.constant([]),
  actions: fc.array(
    fc.tuple(
      fc.constant('held'),
      fc.integer({ min: 1, max: 4 }),
      word('cold', 'warm'),
      fc.oneof(oneOf(change), reads),
      fc.array(anything, { minLength: 1, maxLength: 2 }),
    ) as fc.Arbitrary<Action>,
    { minLength: 1, maxLength: 3, size: 'max' },
  ),
});

/** Races that have been thought of: what is held, and what is done meanwhile. -1 is the newest. */
const RACES: [held: Action, ...meanwhile: Action[]][] = [
  [
    ['read feed', 0, 2, 1],
    ['post', 1],
  ],
  [
    ['read feed', 0, 2, 1],
    ['delete', -1],
  ],
  [
    ['read feed', 0, 2, 1],
    ['follow', 0, 1],
  ],
  [
    ['read feed', 0, 2, 1],
    ['unfollow', 0, 1],
  ],
  [
    ['read feed', 0, 2, 1],
    ['rename', 1],
    ['like', 0, -1],
  ],
  [
    ['read timeline', 1, 0, 2, 1],
    ['post', 0],
  ],
  [
    ['read timeline', 1, 0, 2, 1],
    ['delete', -1],
  ],
  [
    ['read followers', 0, 1],
    ['follow', 0, 2],
  ],
  [
    ['post', 0],
    ['read feed', 1, 2, 1],
  ],
  [
    ['post', 0],
    ['unfollow', 1, 0],
    ['follow', 1, 0],
  ],
  [
    ['post', 0],
    ['follow', 1, 0],
  ],
  [
    ['post', 0],
    ['post', 1],
    ['read feed', 2, 2, 1],
  ],
  [
    ['follow', 0, 1],
    ['post', 1],
    ['read feed', 0, 2, 1],
  ],
  [
    ['follow', 0, 1],
    ['unfollow', 0, 1],
  ],
  [
    ['unfollow', 0, 1],
    ['post', 1],
  ],
  [
    ['unfollow', 0, 1],
    ['read feed', 0, 2, 1],
  ],
  [
    ['delete', -1],
    ['read feed', 0, 2, 1],
    ['like', 1, -1],
  ],
  [
    ['like', 0, -1],
    ['like', 1, -1],
    ['read feed', 0, 2, 1],
  ],
  [
    ['comment', 0, -1],
    ['like', 1, -1],
    ['delete', -1],
  ],
  [
    ['rename', 0],
    ['read feed', 1, 2, 1],
  ],
];
/** Each history is one of them, with its copies cold or warm. */
export const races: fc.Arbitrary<History> = fc
  .tuple(fc.constantFrom(...RACES), fc.integer({ min: 1, max: 4 }), word('cold', 'warm'))
  .map(([[held, ...meanwhile], from, copies]) => ({
    before: [],
    actions: [['held', from, copies, held, meanwhile]],
  }));

/** The window as it is: people with some 800 tweets, who are followed, unfollowed, read to the end. */
const many = fc.oneof(fc.integer({ min: 796, max: 803 }), fc.integer({ min: 0, max: 20 }));
const manyPages = fc.integer({ min: 1, max: 10 });
export const long: fc.Arbitrary<History> = fc.record({
  before: fc.tuple(fc.integer({ min: 796, max: 803 }), many),
  actions: fc.array(
    fc.oneof(
      ...change.slice(0, 5),
      { weight: 4, arbitrary: fc.tuple(word('read feed'), n, word2(1, 50, 97, 100), manyPages) },
      { weight: 2, arbitrary: fc.tuple(word('read timeline'), n, n, word2(50, 100), manyPages) },
      { weight: 1, arbitrary: fc.tuple(word('evict'), n) },
    ) as fc.Arbitrary<Action>,
    { minLength: 1, maxLength: 15, size: 'max' },
  ),
});

function word2(...numbers: number[]) {
  return fc.constantFrom(...numbers);
}

interface User {
  id: string;
  headers: { authorization: string };
}

/** Which answers are right, when nothing else happens and when something may happen at the same time. */
const STATUS: Record<string, { alone: number; raced?: number }> = {
  'sign up': { alone: 201 },
  post: { alone: 201 },
  delete: { alone: 204, raced: 404 },
  comment: { alone: 201, raced: 404 },
  'delete comment': { alone: 204, raced: 404 },
};

/** Less than any process waits for an answer. */
const HELD_MS = 150;

let names = 0;

/** Plays histories in a world. Each has users of its own, so nothing has to be cleared but copies. */
export class Player {
  readonly #world: World;
  #users: User[] = [];
  #tweets: { id: string; author: User; gone: boolean }[] = [];
  #comments: { id: string; author: User; tweetId: string; gone: boolean }[] = [];
  #turn = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** @throws if an answer is wrong, or any page is not what the tables say. */
  async play({ before, actions }: History): Promise<void> {
    this.#users = [];
    this.#tweets = [];
    this.#comments = [];
    for (let i = 0; i < Math.max(3, before.length); i += 1) await this.#insertUser();
    for (const [i, count] of before.entries()) await this.#insertTweets(i, count);
    const isLong = before.length > 0;
    for (const action of actions) await this.#act(action, false, isLong);
    // Whoever has read their page now reads it warm, then half of it is gone, then all.
    const limits = isLong ? [100, 97] : [2, 3];
    await this.#compare(limits[0] ?? 0, { app: 0, isLong });
    await this.#compare(limits[1] ?? 0, { app: 1, isLong });
    const random = randomFrom(actions.length);
    await this.#world.evict(() => random() < 0.5);
    await this.#compare(limits[0] ?? 0, { app: 0, isLong });
    await this.#world.evict(() => true);
    if (!isLong) await this.#compare(limits[1] ?? 0, { app: 1, isLong });
  }

  get #app(): FastifyInstance {
    return this.#world.apps[1];
  }

  async #insertUser(): Promise<void> {
    names += 1;
    const username = `person_${names}`;
    const { insertId } = await sql`
      INSERT INTO users (username, email, password_hash) VALUES (${username}, ${username}, '')
    `.execute(this.#app.db);
    await sql`INSERT INTO profiles (user_id) VALUES (${String(insertId)})`.execute(this.#app.db);
    this.#addUser(String(insertId));
  }

  #addUser(id: string): void {
    this.#users.push({
      id,
      headers: { authorization: `Bearer ${this.#app.jwt.sign({ sub: id })}` },
    });
  }

  /** Many at once, which is right only while nobody follows their author, and nobody has read. */
  async #insertTweets(which: number, count: number): Promise<void> {
    const author = this.#users[which];
    if (!author || count === 0) return;
    const { db } = this.#app;
    const rows = Array.from({ length: count }, () => sql`(${author.id}, 'x')`);
    await sql`INSERT INTO tweets (user_id, content) VALUES ${sql.join(rows)}`.execute(db);
    await sql`
      INSERT INTO newsfeeds SELECT user_id, id FROM tweets WHERE user_id = ${author.id}
    `.execute(db);
  }

  /** Each request goes to the other process than the one before. */
  async #ask(user: User | undefined, request: InjectOptions, app?: number) {
    this.#turn += 1;
    const [first, second] = this.#world.apps;
    const to = (app ?? this.#turn) % 2 === 0 ? first : second;
    return to.inject({ ...request, headers: user?.headers ?? {} });
  }

  async #act(action: Action, isRaced: boolean, isLong = false, app?: number): Promise<void> {
    const [what] = action;
    switch (what) {
      case 'at once':
        await Promise.all(
          action[1].map(async (lane) => {
            for (const each of lane) await this.#act(each, true);
          }),
        );
        return;
      case 'held':
        return this.#sweep(action);
      case 'compare':
        return this.#compare(action[1], { isLong });
      case 'evict': {
        const random = randomFrom(action[1]);
        return this.#world.evict(() => random() < 0.5);
      }
      case 'restart':
        return this.#world.restart(action[1]);
      default:
        if (what.startsWith('read ')) return this.#read(action, isRaced, app);
        return this.#change(action, isRaced, isLong, app);
    }
  }

  /** Again and again, and each time the first process is held some words later, until it is done before. */
  async #sweep([, from, copies, held, meanwhile]: Action & { 0: 'held' }): Promise<void> {
    const users = [0, 1, 2];
    for (const [n, m] of users.flatMap((n) => users.map((m) => [n, m] as const)))
      await this.#act(['follow', n, m], false);
    // A read has few words, and is held at each.
    const stride = held[0].startsWith('read') ? 1 : 4;
    for (let word = stride === 1 ? 1 : from; word < 24; word += stride) {
      await this.#act(['post', word], false);
      for (const action of [held, ...meanwhile]) await this.#undo(action);
      await this.#world.drain();
      if (copies === 'cold') await this.#world.evict(() => true);
      for (const n of copies === 'warm' ? users : [])
        for (const app of [0, 1]) await this.#act(['read feed', n, 5, 1], false, false, app);
      const wasHeld = await this.#hold(word, held, meanwhile);
      await this.#compare(2, { isLong: true, most: 2 });
      if (!wasHeld) return;
    }
  }

  /** So that doing it changes something. */
  async #undo([what, ...numbers]: Action): Promise<void> {
    const opposite = { follow: 'unfollow', unfollow: 'follow', like: 'unlike', unlike: 'like' };
    if (what in opposite)
      await this.#act([opposite[what as 'like'], ...numbers] as unknown as Action, false);
  }

  /** Whoever waits for a lock of the one who is held would wait for ever: it is over after a while. */
  async #hold(word: number, held: Action, meanwhile: Action[]): Promise<boolean> {
    const { gate } = this.#world;
    let wasHeld = false;
    const isShut = gate.shutAt(word).then(() => {
      wasHeld = true;
    });
    const first = this.#act(held, true, false, 0);
    const others = (async () => {
      await Promise.race([isShut, first]);
      for (const each of meanwhile) await this.#act(each, true, false, 1);
    })();
    await Promise.race([others, sleep(HELD_MS)]).finally(() => gate.open());
    await Promise.all([first, others]);
    return wasHeld;
  }

  async #change(action: Action, isRaced: boolean, isLong: boolean, app?: number) {
    const [what, ...numbers] = action as [string, number, number];
    const user = at(this.#users, numbers[0]);
    const tweet = at(
      this.#tweets.filter(({ gone }) => !gone),
      numbers.at(-1),
    );
    const comment = at(
      this.#comments.filter(({ gone }) => !gone),
      numbers.at(-1),
    );
    const api = (url: string, body?: object): InjectOptions => ({
      ...{ method: 'POST', url: `/api/${url}` },
      ...(body && { body }),
    });
    const send = async (by: User | undefined, request: InjectOptions) => {
      const response = await this.#ask(by, request, app);
      const { alone, raced } = STATUS[what] ?? { alone: 200, raced: 404 };
      const { statusCode } = response;
      if (statusCode === alone || (isRaced && statusCode === raced)) return response;
      throw new Error(`${JSON.stringify(action)} was answered ${statusCode} ${response.body}`);
    };
    names += 1;
    switch (what) {
      case 'sign up': {
        const username = `person_${names}`;
        const body = { username, email: `${username}@example.org`, password: 'a good one' };
        this.#addUser((await send(undefined, api('accounts/signup', body))).json().id);
        return;
      }
      case 'rename': {
        const body = { nickname: `nick ${names}` };
        await send(user, { method: 'PATCH', url: '/api/profiles/me', body });
        return;
      }
      case 'follow':
      case 'unfollow': {
        const whom = at(this.#users, numbers[1]);
        if (!user || !whom || whom === user) return;
        const { changed } = (await send(user, api(`friendships/${whom.id}/${what}`))).json();
        if (isLong && changed && what === 'follow')
          await expected.noteBackfill(this.#app, user.id, whom.id);
        return;
      }
      case 'post': {
        const response = await send(user, api('tweets', { content: `tweet ${names}` }));
        if (user) this.#tweets.push({ id: response.json().id, author: user, gone: false });
        return;
      }
      case 'delete':
        if (!tweet) return;
        await send(tweet.author, { method: 'DELETE', url: `/api/tweets/${tweet.id}` });
        tweet.gone = true;
        for (const each of this.#comments) if (each.tweetId === tweet.id) each.gone = true;
        return;
      case 'like':
      case 'unlike': {
        const body = { subjectType: 'tweet', subjectId: tweet?.id };
        if (tweet) await send(user, api(what === 'like' ? 'likes' : 'likes/cancel', body));
        return;
      }
      case 'comment': {
        if (!tweet || !user) return;
        const body = { tweetId: tweet.id, content: `comment ${names}` };
        const response = await send(user, api('comments', body));
        if (response.statusCode !== 201) return;
        const { id } = response.json();
        this.#comments.push({ id, author: user, tweetId: tweet.id, gone: tweet.gone });
        return;
      }
      case 'delete comment':
        if (!comment) return;
        await send(comment.author, { method: 'DELETE', url: `/api/comments/${comment.id}` });
        comment.gone = true;
        return;
      case 'like comment':
      case 'unlike comment': {
        const body = { subjectType: 'comment', subjectId: comment?.id };
        const url = what === 'like comment' ? 'likes' : 'likes/cancel';
        if (comment) await send(user, api(url, body));
      }
    }
  }

  /** Reads in between may be late, but not out of order, and nothing comes twice. */
  async #read(action: Action, isRaced: boolean, app?: number): Promise<void> {
    const [what, ...numbers] = action as [string, number, number, number, number];
    const user = at(this.#users, numbers[0]);
    const whose = at(this.#users, numbers[1]);
    const tweet = at(this.#tweets, numbers[1]);
    if (!user || !whose) return;
    if (what === 'read feed') {
      await this.#scroll(user, '/api/newsfeeds?', numbers[1], numbers[2], app);
    } else if (what === 'read timeline') {
      await this.#scroll(user, `/api/tweets?userId=${whose.id}&`, numbers[2], numbers[3], app);
    } else if (what === 'read followers') {
      await this.#ask(user, { url: `/api/friendships/${whose.id}/followers` }, app);
    } else if (tweet) {
      const wasGone = tweet.gone;
      const { statusCode } = await this.#ask(user, { url: `/api/tweets/${tweet.id}` }, app);
      const right = isRaced && !wasGone ? [200, 404] : [wasGone ? 404 : 200];
      if (!right.includes(statusCode))
        throw new Error(`${JSON.stringify(action)} was answered ${statusCode}`);
    }
  }

  async #scroll(user: User, url: string, limit: number, pages: number, app?: number) {
    let last: string | undefined;
    let cursor = '';
    for (let page = 0; page < pages; page += 1) {
      const response = await this.#ask(user, { url: `${url}limit=${limit}${cursor}` }, app);
      if (response.statusCode !== 200)
        throw new Error(`${url} was answered ${response.statusCode} ${response.body}`);
      const { items, nextCursor }: Page = response.json();
      for (const { id } of items) {
        if (last !== undefined && BigInt(id) >= BigInt(last))
          throw new Error(`${url} shows ${id} after ${last}`);
        last = id;
      }
      if (!nextCursor) return;
      cursor = `&cursor=${nextCursor}`;
    }
  }

  /** Compares every list, page by page to its end and back, with what the tables say. */
  async #compare(
    limit: number,
    options: { app?: number; isLong: boolean; most?: number },
  ): Promise<void> {
    await this.#world.drain();
    const compareOnce = async () => {
      for (const [i, user] of this.#users.entries()) {
        const other = at(this.#users, i + 1) ?? user;
        await this.#compareLists(user, other, limit, options);
      }
      if (options.isLong) return;
      for (const [i, tweet] of this.#tweets.entries())
        await this.#compareTweet(at(this.#users, i) as User, tweet.id, limit, options.app);
    };
    // What another process keeps in its memory is right a moment later.
    for (let left = 10; ; left -= 1) {
      try {
        return await compareOnce();
      } catch (error) {
        if (left === 0 || !(await this.#world.isLate())) throw error;
        await sleep(50);
      }
    }
  }

  async #compareLists(
    user: User,
    other: User,
    limit: number,
    { app, most }: { app?: number; most?: number },
  ) {
    const feed = await expected.feed(this.#app, user.id);
    await this.#compareList(user, '/api/newsfeeds?', limit, feed, app, most);
    const timeline = await expected.timeline(this.#app, other.id, user.id);
    await this.#compareList(other, `/api/tweets?userId=${user.id}&`, limit, timeline, app, most);
    for (const list of ['followers', 'followings'] as const) {
      const friends = await expected.friends(this.#app, list, other.id, user.id);
      const url = `/api/friendships/${user.id}/${list}?`;
      await this.#compareList(other, url, limit, friends, app, most);
    }
  }

  async #compareTweet(user: User, id: string, limit: number, app?: number): Promise<void> {
    const tweet = await expected.tweet(this.#app, user.id, id);
    const url = `/api/tweets/${id}`;
    const response = await this.#ask(user, { url }, app);
    if (!tweet) return same(url, response.statusCode, 404);
    const comments = await expected.comments(this.#app, user.id, id);
    same(url, response.json(), { ...tweet, comments: comments.slice(0, 20) });
    const likers = await expected.likers(this.#app, id);
    await this.#compareList(user, `/api/comments?tweetId=${id}&`, limit, comments, app);
    const subject = `subjectType=tweet&subjectId=${id}`;
    await this.#compareList(user, `/api/likes?${subject}&`, limit, likers, app);
  }

  async #compareList(
    user: User,
    url: string,
    limit: number,
    all: unknown[],
    app?: number,
    most?: number,
  ) {
    await comparePages(url, limit, all, async (url) => this.#ask(user, { url }, app), most);
  }
}

function at<T>(list: T[], number = 0): T | undefined {
  return list.at(number % Math.max(1, list.length));
}
