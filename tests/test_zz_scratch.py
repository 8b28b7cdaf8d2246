import asyncio, time, traceback
from tests.actors.identity.test_logging_in import *
import runtime.mailbox as m
async def test_x(bank):
    orig=m.Mailbox._on_surroundings
    for pool in bank.house.actors.pools.values():
        for mb in pool._mailboxes:
            def hold(e, mb=mb):
                print("HOLD", mb.queue, repr(e)); traceback.print_exception(e)
                mb._on_surroundings(e)
            mb.desk.hold=hold
    user=await created(bank)
    logins=[asyncio.ensure_future(logged_in(bank,user)) for _ in range(20)]
    r=await asyncio.gather(*logins, return_exceptions=True)
