"""What goes over the channels: frames with a header of eight bytes. src/app/python/frames.ts has the same numbers."""
from struct import Struct

#: kind, flags, token of the request, bytes that follow.
HEADER = Struct('<BBHI')
#: Of a response that was sent from here: status, number of headers, bytes of the head and of the body.
ANSWER = Struct('<BBHIHHIQ')
ANSWER_BYTES = ANSWER.size - HEADER.size

#: Of LOG_VARIABLE, before the name and the value: serial number of the request, bytes of the name.
LOG_VARIABLE_HEAD = Struct('<IB')

# From here to the server.
LOADED = 1
LOAD_ERROR = 2
HEAD = 3
CHUNK = 4
END = 5
FAILED = 6
ANSWERED = 7
READ = 8
DEADLINE = 9
RELOAD = 10
RETURNED = 11
SENDING = 12
LOG_VARIABLE = 13

# From the server, on the control channel.
ABORT = 1
ACK = 2
DATA = 3
RECALL = 4

#: Flag of ANSWERED: the client had gone, the response is not complete.
CUT = 1
#: Flag of FAILED: the response had begun.
BEGUN = 2

# The table that the server reads when this process has died; an entry for each token: the serial number of the request, its
# state, and what was reported of it. src/app/python/states.ts reads it.
SERIAL = Struct('<I')
STATE = 4
#: The flags of the report, and from `STATE + 4` on what it says.
ENTRY_ANSWER = Struct('<BxxHHIQ')
ENTRY_BYTES = 24
RUNNING = 1
REPLYING = 2
#: The client has all of it; the report may not have been sent.
DONE = 3
