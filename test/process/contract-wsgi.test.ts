// The contract (test/helpers/contract), by an application of kind wsgi.
import { runContract } from '../helpers/contract/suite.js';

runContract('wsgi');
