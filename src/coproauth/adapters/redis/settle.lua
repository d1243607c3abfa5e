-- Takes one attempt back from some counters, with the wait that followed, and forgets others.
--
-- KEYS  the counters to take from; those to forget
-- ARGV  how many are to be taken from; of each of these, in what time one attempt leaks (0: never), in microseconds

local taken_from = tonumber(ARGV[1])

for i, key in ipairs(KEYS) do
  if i > taken_from then
    redis.call('DEL', key)
  elseif redis.call('EXISTS', key) == 1 then
    local attempts, last_at, forget_at = unpack(redis.call('HMGET', key, 'attempts', 'last_at', 'forget_at'))
    redis.call('HSET', key, 'attempts', math.max(attempts - 1, 0), 'not_before', last_at,
               'forget_at', forget_at - ARGV[1 + i])
  end
end
