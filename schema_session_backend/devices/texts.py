"""The texts of the page, which can be replaced, for example by a translation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts of the page, for the option `texts` of `DevicesPage`.

    The page replaces the names in braces by values.
    """

    language: str = "en"
    title: str = "Your devices"
    intro: str = "You are signed in on these devices. Sign out any that you do not know."
    this_device: str = "This device"
    unknown_device: str = "Unknown device"
    browser_on_system: str = "{browser} on {system}"
    place: str = "From"
    signed_in: str = "Signed in"
    last_seen: str = "Last seen"
    sign_out: str = "Sign out"
    sign_out_device: str = "Sign out {device}"
    sign_out_others: str = "Sign out all other devices"
    only_this: str = "You are signed in on this device only."
    more: str = "And {count} more, which have been there for longer."
    done_one: str = "That device is signed out."
    done_others: str = "All other devices are signed out."
    done_none: str = "That device was signed out already."
    back: str = "Back to the site"
    sign_in: str = "Sign in"
    not_signed_in: str = "Sign in to see this page"
    not_found: str = "There is nothing here"
    refused: str = "This request did not come from the page. Open the page again, and try once more."
    not_understood: str = "This request cannot be understood"
    unavailable: str = "The sessions cannot be reached right now. Please try again in a moment."
    admin_title: str = "Sessions"
    admin_forbidden: str = "You may not see this page"
    admin_search: str = "Search"
    admin_clear: str = "All sessions"
    admin_none: str = "No sessions here."
    admin_bad_value: str = "{value} does not fit the column {column}."
    admin_partial: str = "No index finds this, so each page searches 5,000 sessions. There may be more."
    admin_next: str = "Next page"
    admin_first: str = "First page"
    admin_sign_out: str = "Sign out the selected"
    admin_done: str = "{count} signed out."
    admin_select: str = "Select {session}"
    admin_selected: str = "Selected"
    admin_session: str = "Session"
    admin_expires: str = "Expires"
    admin_per_day: str = "Live sessions by the day of their start"
    admin_about: str = "about {count}"
