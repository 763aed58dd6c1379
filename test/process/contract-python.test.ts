// The contract (test/helpers/contract), by an application of kind python with wsgiref.validate around it.
import { describe } from 'node:test';
import { runContract } from '../helpers/contract/suite.js';
import { pythonMissing } from './python-client.js';

describe('kind python', { skip: pythonMissing() }, () => runContract('python'));
