-- Counts one attempt on each of some counters, or on none if one of them must wait; returns the longest wait.
-- The rule is that of core/throttling.py. Instants and durations are in microseconds.
--
-- KEYS  since when counts are kept; the counters
-- ARGV  now; for how long after the first key a counter that is not known may have lost something;
--       of each counter: how many attempts it begins with then, free attempts, first delay, longest delay, when it is
--       forgotten

local now, recovery = tonumber(ARGV[1]), tonumber(ARGV[2])

redis.call('SET', KEYS[1], ARGV[1], 'NX')
local is_recovering = math.abs(now - redis.call('GET', KEYS[1])) < recovery

local function attempts_and_wait(key, after_loss)
  local attempts, last_at, not_before, forget_at =
    unpack(redis.call('HMGET', key, 'attempts', 'last_at', 'not_before', 'forget_at'))
  if attempts and now < tonumber(forget_at) then
    return attempts, math.min(not_before - now, not_before - last_at)
  end
  return is_recovering and after_loss or 0, 0
end

local attempts, longest_wait = {}, 0
for i = 2, #KEYS do
  local wait
  attempts[i], wait = attempts_and_wait(KEYS[i], ARGV[5 * i - 7])
  longest_wait = math.max(longest_wait, wait)
end
if longest_wait > 0 then
  return longest_wait
end

for i = 2, #KEYS do
  local free, first_delay, longest_delay, forget_after = unpack(ARGV, 5 * i - 6, 5 * i - 3)
  local excess = attempts[i] + 1 - free
  local delay = excess < 0 and 0 or math.min(first_delay * 2 ^ excess, longest_delay)
  redis.call('HSET', KEYS[i], 'attempts', attempts[i] + 1, 'last_at', now,
             'not_before', now + delay, 'forget_at', now + forget_after)
  redis.call('PEXPIRE', KEYS[i], math.ceil(forget_after / 1000))
end
return 0
