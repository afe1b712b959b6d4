import type { CommentService } from '../comments/service.ts';
import type { Tweet } from '../tweets/schemas.ts';
import type { TweetView } from './schemas.ts';

/** What people did with tweets: one statement a fact, however many tweets are shown. */
export class EngagementService {
  readonly #comments: CommentService;

  constructor(comments: CommentService) {
    this.#comments = comments;
  }

  /** These tweets as they are shown. */
  async ofTweets(tweets: Tweet[]): Promise<TweetView[]> {
    const commentsCounts = await this.#comments.countsOn(tweets.map(({ id }) => id));
    return tweets.map((tweet) => ({
      ...tweet,
      commentsCount: commentsCounts.get(tweet.id) ?? 0,
    }));
  }

  /** One tweet as it is shown. */
  async ofTweet(tweet: Tweet): Promise<TweetView> {
    const [view] = await this.ofTweets([tweet]);
    return view as TweetView;
  }
}
