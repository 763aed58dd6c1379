// The contract (test/helpers/contract), by an application of kind fetch.
import { runContract } from '../helpers/contract/suite.js';

runContract('fetch');
