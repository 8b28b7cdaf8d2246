"""What a client says that it is, in a few words: `Firefox on Windows`."""

LONGEST = 60

_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""Sign -> name. In this order: most browsers also name those that they want to be taken for."""
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def device_named(user_agent: str | None) -> str:
    """A name for a list of devices. Nothing is decided by it: a client says what it likes."""
    said = "".join(letter for letter in user_agent or "" if " " <= letter <= "~").strip()
    if not said:
        return "Unknown device"
    system = next((name for sign, name in _SYSTEMS if sign in said), None)
    browser = next((name for sign, name in _BROWSERS if sign in said), None) if said.startswith("Mozilla/") else None
    program = browser or said.split("/")[0].split(" ")[0][:LONGEST] or "Unknown program"
    return program if system is None else f"{program} on {system}"
