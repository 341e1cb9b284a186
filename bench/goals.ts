import type { Floor } from './echo.ts';
import type { Result } from './report.ts';
import type { Outcome } from './scenario.ts';

/** What the relay is to reach. */
interface Goal {
  readonly scenario: string;
  readonly what: string;
  readonly of: (outcome: Outcome) => number | undefined;
  readonly bound: 'at least' | 'at most';
  readonly toReach: number;
}

/** A goal next to what was measured. */
export interface Verdict extends Omit<Goal, 'of'> {
  readonly measured: number;
  readonly reached: boolean;
}

const goals: readonly Goal[] = [
  atLeast(0.95, 'push-64', 'durable pushes ÷ bare HTTP', rate('http')),
  atLeast(1.6, 'empty-pull-64', 'empty pulls ÷ bare HTTP', rate('http')),
  atLeast(0.2, 'cycle-64', 'cycles of push, pull, ack ÷ requests to bare HTTP', cycles),
  atLeast(0.4, 'pages', 'pages ÷ a constant page over bare HTTP', rate('http')),
  atLeast(0.4, 'pages-interleaved', 'pages of mailboxes filled in turn ÷ the same', rate('http')),
  atLeast(1.3, 'tls-push-64', 'durable pushes over TLS ÷ bare HTTPS', rate('https')),
  atLeast(1.3, 'tls-empty-pull-64', 'empty pulls over TLS ÷ bare HTTPS', rate('https')),
  atMost(0.65, 'empty-pull-64', 'CPU of an empty pull ÷ bare HTTP', cpu('http')),
  atMost(3, 'push-1', 'p50 of one push ÷ a raw flush', figure('pushInRawFlushes')),
  atMost(1.1, 'drain', 'last pages of a drain ÷ its first', figure('lastToFirst')),
  atMost(20, 'pulls-beside-pushes', 'p99 of pulls beside large pushes, ms', figure('besideP99Ms')),
  atMost(2, 'expiry', 'p99 of pushes while 100,000 messages expire ÷ quiet', figure('busyToQuiet')),
  atMost(3, 'tls-reconnect', '1,000 clients that connect over TLS at once, s', figure('servedSeconds')),
  atMost(60, 'backlog', 'memory of 200,000 messages, MB', figure('backlogMb')),
  atMost(300, 'backlog', 'opening on 200,000 messages, ms', figure('openAfterTermMs')),
  atMost(300, 'backlog', 'the same after kill -9, ms', figure('openAfterKillMs')),
  atMost(1_500, 'backlog-1m', 'opening on 1,000,000 messages, ms', figure('openAfterTermMs')),
  atMost(1_500, 'backlog-1m', 'the same after kill -9, ms', figure('openAfterKillMs')),
];

/** What was measured of all that is to be reached. A scenario that failed has reached nothing. */
export function verdicts(results: readonly Result[]): Verdict[] {
  return goals.flatMap(({ of, ...goal }) => {
    const result = results.find(({ name }) => name === goal.scenario);
    if (result === undefined) return [];
    const measured = of(result) ?? Number.NaN;
    const reached = goal.bound === 'at least' ? measured >= goal.toReach : measured <= goal.toReach;
    return [{ ...goal, measured, reached }];
  });
}

function atLeast(toReach: number, scenario: string, what: string, of: Goal['of']): Goal {
  return { scenario, what, of, bound: 'at least', toReach };
}

function atMost(toReach: number, scenario: string, what: string, of: Goal['of']): Goal {
  return { scenario, what, of, bound: 'at most', toReach };
}

function rate(floor: Floor): Goal['of'] {
  return ({ comparison }) => comparison?.others[floor]?.rateRatio;
}

function cpu(floor: Floor): Goal['of'] {
  return ({ comparison }) => comparison?.others[floor]?.cpuRatio;
}

function figure(name: string): Goal['of'] {
  return ({ figures }) => figures?.[name];
}

/** A cycle is three requests. */
function cycles(outcome: Outcome): number | undefined {
  const requests = rate('http')(outcome);
  return requests && requests / 3;
}
