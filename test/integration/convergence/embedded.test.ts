import { testPlacement } from './random-sessions.js';

testPlacement('embedded');
