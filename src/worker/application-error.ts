// What is said of an error of the application: in the log, and to the client, which is told nothing unless `catch-exceptions`
// wants it to see everything.
import { inspect } from 'node:util';
import { errorReport } from '../base/errors.js';
import { printable, printableLines } from '../base/log-text.js';
import { forEachVar } from '../protocol/environ-vars.js';
import type { SlotExchange } from './exchange.js';

/** What a client is told else. */
export const GENERAL_ANSWER = 'Internal Server Error\n';

/** With its stack and what caused it. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${inspect(error)}`;
  const cause = error.cause === undefined ? '' : `\n  caused by: ${describeError(error.cause)}`;
  return `${errorReport(error)}${cause}`;
}

/** Method and URI. */
export function requestName(exchange: SlotExchange): string {
  const uri = exchange.findVar('REQUEST_URI') ?? exchange.findVar('PATH_INFO') ?? '-';
  return printable(`${exchange.findVar('REQUEST_METHOD') ?? '-'} ${uri}`);
}

/** The text of a response, as uWSGI has it: the request, the error as the log has it, and the variables of the request. */
export function exceptionText(exchange: SlotExchange, error: string): string {
  const vars: string[] = [];
  forEachVar(exchange.packet, exchange.varsStart, exchange.varsEnd, (key, value) => {
    vars.push(printable(Buffer.from(`${key} = ${value}`, 'latin1').toString()));
  });
  return `fastwsgi-ts exceptions catcher for "${requestName(exchange)}"\n\n${printableLines(error)}\n\n${vars.join('\n')}\n`;
}
