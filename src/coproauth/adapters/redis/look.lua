-- Returns a session, if it is on the list of its login: a list that was dropped takes its sessions along, so that none
-- is left that could not be ended with the others.
--
-- KEYS  the session
-- ARGV  what the names of lists begin with

local session = redis.call('GET', KEYS[1])
local is_readable, fields = pcall(cjson.decode, session or '')
local owner = is_readable and type(fields) == 'table' and fields.identity_id
if type(owner) == 'string' and redis.call('ZSCORE', ARGV[1] .. owner, KEYS[1]) then
  return session
end
