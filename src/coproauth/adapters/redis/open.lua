-- Opens a session, perhaps in place of others. If one of these is not on the list any more, all sessions of the login
-- were ended meanwhile, and the new one with them.
--
-- KEYS  the session; the list of its login; the sessions that it replaces
-- ARGV  what is stored; now and when it ends, in microseconds; how long it is kept, in milliseconds

for i = 3, #KEYS do
  if not redis.call('ZSCORE', KEYS[2], KEYS[i]) then
    return
  end
end

redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4]) -- first: what full memory refuses must come before anything is done
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], KEYS[1])
redis.call('PEXPIRE', KEYS[2], math.max(redis.call('PTTL', KEYS[2]), ARGV[4]))
