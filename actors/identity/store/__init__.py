"""What the identity actor keeps in the schema `identity`. Each file's statements are in the .sql file beside it."""

from actors.identity.store.api_keys import ApiKeyStore, HeldKey
from actors.identity.store.keys import SealedKey
from actors.identity.store.second_factors import Factor, SecondFactorStore
from actors.identity.store.transaction import Transaction
from actors.identity.store.users import KnownToken, Store

__all__ = ["ApiKeyStore", "Factor", "HeldKey", "KnownToken", "SealedKey", "SecondFactorStore", "Store", "Transaction"]
