-- Ends every session of a login.
--
-- KEYS  the list of the login

for _, session in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  redis.call('DEL', session)
end
redis.call('DEL', KEYS[1])
