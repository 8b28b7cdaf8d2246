"""What can be said to the member actor, and what it tells: persons and businesses, contact data, identifiers, status, groups.

Birth dates, identifiers and contact data are personal: they stay out of `repr`, of events and of the facts of refusals.
Long because it is a list: forms of values, things, then what is said in the order of a member's life, told, and refused.
"""

import re
import unicodedata
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, NewType
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from messages.base import BranchCode, Command, Day, Event, Line, Note, NotFound, Page, Query, Refusal, Reply
from messages.ids import GroupId, MemberId, UserId

IdentifierId = NewType("IdentifierId", UUID)

_COUNTRY_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC "
    "CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD "
    "GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH "
    "KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW "
    "MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC "
    "SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY "
    "UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
_COUNTRIES = frozenset(_COUNTRY_CODES.split())
"""ISO 3166-1 alpha-2."""


def _known_country(code: str) -> str:
    if code not in _COUNTRIES:
        raise PydanticCustomError("country", "{code} is no ISO 3166-1 alpha-2 country code", {"code": repr(code[:4])})
    return code


def _international_number(text: str) -> str:
    number = re.sub(r"[\s().-]", "", text)
    number = f"+{number[2:]}" if number.startswith("00") else number
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number, re.ASCII):
        raise PydanticCustomError("phone", "write the phone number with its country code, such as +254712345678")
    return number


def _mailbox(text: str) -> str:
    local, _, domain = text.strip().rpartition("@")
    labels = domain.lower().split(".")
    if (
        not re.fullmatch(r"[^\s@\"(),:;<>\[\]\\\x00-\x1f\x7f]{1,64}", local)
        or len(labels) < 2
        or not all(re.fullmatch(r"(?!-)[^\W_]([\w-]{0,61}[^\W_])?", label) for label in labels)
    ):
        raise PydanticCustomError("email", "this is no e-mail address")
    return f"{local}@{domain.lower()}"


def _bare_identifier(text: str) -> str:
    value = re.sub(r"[\s./-]", "", unicodedata.normalize("NFKC", text)).upper()
    if not 2 <= len(value) <= 40 or not value.isalnum():
        raise PydanticCustomError("identifier", "an identifier is 2 to 40 letters and digits")
    return value


Country = Annotated[str, AfterValidator(_known_country)]
"""An ISO 3166-1 alpha-2 code."""
PhoneNumber = Annotated[str, Field(max_length=40), AfterValidator(_international_number)]
"""A phone number with country code; kept as E.164, `+254712345678`."""
EmailAddress = Annotated[str, Field(max_length=254), AfterValidator(_mailbox)]
"""An e-mail address; its domain is kept in lower case."""
IdentifierValue = Annotated[str, Field(max_length=80), AfterValidator(_bare_identifier)]
"""An identifier as its issuer prints it; kept in capitals, without spaces, dots, slashes and hyphens."""
MemberNumber = Annotated[str, Field(pattern=r"^M-[0-9]{6,15}$")]
"""A member number, `M-000123`."""
ExpectedVersion = Annotated[int, Field(ge=1)]

MOST_IDENTIFIERS = 20
"""Of one member, so that one member's page stays bounded."""
MOST_PHONES = MOST_EMAILS = 5
MOST_IN_A_GROUP = 50
"""Solidarity groups guarantee each other in person; more than this many cannot."""


class MemberKind(StrEnum):
    PERSON = "person"
    BUSINESS = "business"


class MemberStatus(StrEnum):
    """pending -> active <-> suspended; each of them -> closed, which is for good."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"
    OTHER = "other"


class LegalForm(StrEnum):
    SOLE_PROPRIETOR = "sole_proprietor"
    PARTNERSHIP = "partnership"
    LIMITED_COMPANY = "limited_company"
    COOPERATIVE = "cooperative"
    ASSOCIATION = "association"
    OTHER = "other"


class BusinessSize(StrEnum):
    MICRO = "micro"
    SMALL = "small"
    MEDIUM = "medium"


class Sector(StrEnum):
    """The sections of ISIC revision 4, those a small lender meets."""

    AGRICULTURE = "agriculture"
    MINING = "mining"
    MANUFACTURING = "manufacturing"
    UTILITIES = "utilities"
    CONSTRUCTION = "construction"
    TRADE = "trade"
    TRANSPORT = "transport"
    HOSPITALITY = "hospitality"
    INFORMATION = "information"
    FINANCE = "finance"
    REAL_ESTATE = "real_estate"
    PROFESSIONAL_SERVICES = "professional_services"
    EDUCATION = "education"
    HEALTH = "health"
    ARTS = "arts"
    OTHER_SERVICES = "other_services"


class IdentifierKind(StrEnum):
    NATIONAL_ID = "national_id"
    PASSPORT = "passport"
    DRIVING_LICENCE = "driving_licence"
    VOTER_CARD = "voter_card"
    TAX_ID = "tax_id"
    REGISTRATION = "registration"
    OTHER = "other"


class SuspensionReason(StrEnum):
    DOCUMENTS_EXPIRED = "documents_expired"
    SUSPECTED_FRAUD = "suspected_fraud"
    AUTHORITY_ORDER = "authority_order"
    MEMBER_REQUEST = "member_request"
    OTHER = "other"


class ClosureReason(StrEnum):
    MEMBER_REQUEST = "member_request"
    DECEASED = "deceased"
    BUSINESS_CEASED = "business_ceased"
    EXPELLED = "expelled"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    OTHER = "other"


class GroupRole(StrEnum):
    """One member each for the first three; any number for the last."""

    CHAIR = "chair"
    SECRETARY = "secretary"
    TREASURER = "treasurer"
    MEMBER = "member"


class Part(BaseModel):
    """A part of a message or reply. Frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Address(Part):
    """A postal address."""

    line_1: Line
    line_2: Line | None = None
    city: Line
    region: Line | None = None
    postal_code: Line | None = None
    country: Country


class Contact(Part):
    """How to reach a member. The first phone number and the first e-mail address are the preferred ones."""

    phones: tuple[PhoneNumber, ...] = Field((), max_length=MOST_PHONES, repr=False)
    emails: tuple[EmailAddress, ...] = Field((), max_length=MOST_EMAILS, repr=False)
    address: Address | None = Field(None, repr=False)


class NewIdentifier(Part):
    """A document or number by which an authority knows the member."""

    kind: IdentifierKind
    country: Country
    """Of the authority that issued it."""
    value: IdentifierValue = Field(repr=False)


class Identifier(NewIdentifier):
    """An identifier that a member holds; no two members hold the same at one time."""

    identifier_id: IdentifierId
    added_at: datetime


class PersonDetails(Part):
    """What is particular to a natural person."""

    given_name: Line
    family_name: Line | None = None
    """Absent for who has one name only."""
    born_on: Day = Field(repr=False)
    gender: Gender | None = None


class BusinessDetails(Part):
    """What is particular to a business."""

    legal_name: Line
    trading_name: Line | None = None
    legal_form: LegalForm
    registration_number: IdentifierValue = Field(repr=False)
    registered_in: Country
    registered_on: date
    """When the authority registered it."""
    sector: Sector
    size: BusinessSize | None = None


class Member(Reply):
    """A person or a business that belongs to the institution."""

    member_id: MemberId
    number: str
    """For people: `M-000123`, without gaps."""
    kind: MemberKind
    name: str = Field(repr=False)
    status: MemberStatus
    status_reason: str | None = None
    """Why it has this status; shown to staff only."""
    status_since: datetime
    registered_at: datetime
    branch: str | None = None
    """The branch that the member belongs to, if any."""
    person: PersonDetails | None = None
    business: BusinessDetails | None = None
    contact: Contact = Contact()
    identifiers: tuple[Identifier, ...] = ()
    version: int


class MemberSummary(Reply):
    """A member in a list, without personal data beyond the name."""

    member_id: MemberId
    number: str
    kind: MemberKind
    name: str = Field(repr=False)
    status: MemberStatus
    registered_at: datetime
    version: int


class MemberPage(Page[MemberSummary]):
    """Members: in alphabetical order when searched by name, else in the order of their numbers.

    A page of a search by name may hold fewer than `limit`, even none, and still have a `next_cursor`: go on until it has not.
    """


class StatusChange(Reply):
    """A step in a member's life: from where to where, why, when, and who did it."""

    from_status: MemberStatus | None
    to_status: MemberStatus
    reason: str | None
    note: str
    changed_at: datetime
    changed_by: str


class StatusHistory(Page[StatusChange]):
    """A member's status changes, oldest first."""


class GroupMember(Reply):
    """A member's seat in a group."""

    member_id: MemberId
    number: str
    name: str = Field(repr=False)
    role: GroupRole
    joined_at: datetime


class Group(Reply):
    """A solidarity group: members who guarantee each other."""

    group_id: GroupId
    number: str
    """For people: `G-000012`, without gaps."""
    name: str
    members: tuple[GroupMember, ...]
    officer_id: UserId | None = None
    """The user who looks after it, and whose permissions for a group reach its members."""
    formed_at: datetime
    version: int


class GroupSummary(Reply):
    """A group in a list."""

    group_id: GroupId
    number: str
    name: str
    size: int
    formed_at: datetime
    version: int


class GroupPage(Page[GroupSummary]):
    """Groups, in the order of their numbers."""


# Registering


class RegisterPerson(Command[Member], wire="member.register_person.v1", permission="members:write"):
    """Register a person. The new member is pending until activated."""

    person: PersonDetails
    contact: Contact = Contact()
    identifiers: tuple[NewIdentifier, ...] = Field((), max_length=MOST_IDENTIFIERS)
    branch: BranchCode | None = None
    """Default: the branch of whoever registers."""


class RegisterBusiness(Command[Member], wire="member.register_business.v1", permission="members:write"):
    """Register a business. Its registration number becomes one of its identifiers."""

    business: BusinessDetails
    contact: Contact = Contact()
    identifiers: tuple[NewIdentifier, ...] = Field((), max_length=MOST_IDENTIFIERS - 1)
    branch: BranchCode | None = None
    """Default: the branch of whoever registers."""


# Keeping the data right


class UpdateContact(Command[Member], wire="member.update_contact.v1", key="member_id", permission="members:write"):
    """Replace a member's contact data."""

    member_id: MemberId
    contact: Contact
    expected_version: ExpectedVersion | None = None


class CorrectPerson(Command[Member], wire="member.correct_person.v1", key="member_id", permission="members:write"):
    """Replace what is known of a person: a new name, a mistake put right."""

    member_id: MemberId
    person: PersonDetails
    expected_version: ExpectedVersion | None = None


class CorrectBusiness(Command[Member], wire="member.correct_business.v1", key="member_id", permission="members:write"):
    """Replace what is known of a business. Its registration number and country stay: add an identifier for a new one."""

    member_id: MemberId
    business: BusinessDetails
    expected_version: ExpectedVersion | None = None


class AddIdentifier(Command[Member], wire="member.add_identifier.v1", key="member_id", permission="members:write"):
    """Add an identifier to a member."""

    member_id: MemberId
    identifier: NewIdentifier
    expected_version: ExpectedVersion | None = None


class RemoveIdentifier(Command[Member], wire="member.remove_identifier.v1", key="member_id", permission="members:write"):
    """Take an identifier from a member; another may hold it afterwards."""

    member_id: MemberId
    identifier_id: IdentifierId
    expected_version: ExpectedVersion | None = None


class MoveMember(Command[Member], wire="member.move_member.v1", key="member_id", permission="members:move"):
    """Let a member belong to another branch, or to none. What their branch may do with their things ends with it."""

    member_id: MemberId
    branch: BranchCode | None
    expected_version: ExpectedVersion | None = None


# The life of a member


class ActivateMember(Command[Member], wire="member.activate_member.v1", key="member_id", permission="members:status"):
    """Accept a pending member."""

    member_id: MemberId
    note: Note = ""
    expected_version: ExpectedVersion | None = None


class SuspendMember(Command[Member], wire="member.suspend_member.v1", key="member_id", permission="members:status"):
    """Suspend an active member."""

    member_id: MemberId
    reason: SuspensionReason
    note: Note = ""
    expected_version: ExpectedVersion | None = None


class ReactivateMember(Command[Member], wire="member.reactivate_member.v1", key="member_id", permission="members:status"):
    """Lift a suspension."""

    member_id: MemberId
    note: Note = ""
    expected_version: ExpectedVersion | None = None


class CloseMember(Command[Member], wire="member.close_member.v1", key="member_id", permission="members:status"):
    """Close a membership for good. The identifiers become free, so that the person may join again one day."""

    member_id: MemberId
    reason: ClosureReason
    note: Note = ""
    expected_version: ExpectedVersion | None = None


# Reading


class GetMember(Query[Member], wire="member.get_member.v1", permission="members:read"):
    """One member."""

    member_id: MemberId


class SearchMembers(Query[MemberPage], wire="member.search_members.v1", permission="members:read"):
    """Members that fit everything given; all of them when nothing is."""

    name: Line | None = Field(None, repr=False)
    """Beginnings of words of the name, in any order: `wan ami` finds Amina Wanjiru. At least one of two letters or more."""
    number: MemberNumber | None = None
    identifier: IdentifierValue | None = Field(None, repr=False)
    """The whole value of an identifier, of whatever kind."""
    phone: PhoneNumber | None = Field(None, repr=False)
    """The whole phone number, with country code."""
    status: MemberStatus | None = None
    kind: MemberKind | None = None
    cursor: str | None = Field(None, max_length=1000, repr=False)
    limit: int = Field(50, ge=1, le=200)


class ListStatusChanges(Query[StatusHistory], wire="member.list_status_changes.v1", permission="members:history"):
    """How a member's status came to be what it is."""

    member_id: MemberId
    cursor: str | None = Field(None, max_length=1000)
    limit: int = Field(50, ge=1, le=200)


# Groups


class Seat(Part):
    """A place in a group."""

    member_id: MemberId
    role: GroupRole = GroupRole.MEMBER


class FormGroup(Command[Group], wire="member.form_group.v1", permission="groups:write"):
    """Form a solidarity group of active members. A member is in one group at a time."""

    name: Line
    seats: tuple[Seat, ...] = Field((), max_length=MOST_IN_A_GROUP)


class AddToGroup(Command[Group], wire="member.add_to_group.v1", key="group_id", permission="groups:write"):
    """Take an active member into a group."""

    group_id: GroupId
    member_id: MemberId
    role: GroupRole = GroupRole.MEMBER
    expected_version: ExpectedVersion | None = None


class RemoveFromGroup(Command[Group], wire="member.remove_from_group.v1", key="group_id", permission="groups:write"):
    """Let a member leave a group."""

    group_id: GroupId
    member_id: MemberId
    expected_version: ExpectedVersion | None = None


class AssignOfficer(Command[Group], wire="member.assign_officer.v1", key="group_id", permission="groups:assign"):
    """Say which user looks after a group; null: nobody. Permissions for a group reach the members of it from then on."""

    group_id: GroupId
    officer_id: UserId | None
    expected_version: ExpectedVersion | None = None


class GetGroup(Query[Group], wire="member.get_group.v1", permission="groups:read"):
    """One group."""

    group_id: GroupId


class ListGroups(Query[GroupPage], wire="member.list_groups.v1", permission="groups:read"):
    """The groups."""

    member_id: MemberId | None = None
    """Only the one that this member is in."""
    cursor: str | None = Field(None, max_length=1000)
    limit: int = Field(50, ge=1, le=200)


# What is told


class MemberRegistered(Event, wire="member.registered.v1", key="member_id"):
    """Somebody applied for membership."""

    member_id: MemberId
    kind: MemberKind
    number: str


class MemberActivated(Event, wire="member.activated.v1", key="member_id"):
    """A member may take part: newly accepted, or a suspension was lifted."""

    member_id: MemberId


class MemberSuspended(Event, wire="member.suspended.v1", key="member_id"):
    """A member may not take part for now."""

    member_id: MemberId
    reason: SuspensionReason


class MemberClosed(Event, wire="member.closed.v1", key="member_id"):
    """A membership ended for good."""

    member_id: MemberId
    reason: ClosureReason


# What is refused


class MemberNotFound(NotFound):
    """There is no such member, or it is not yours to see."""

    rule = "member_not_found"


class IdentifierNotFound(NotFound):
    """The member has no such identifier."""

    rule = "identifier_not_found"


class GroupNotFound(NotFound):
    """There is no such group, or it is not yours to see."""

    rule = "group_not_found"


class BirthDateImpossible(Refusal):
    """A date of birth is not in the future and not more than 125 years ago."""

    rule = "birth_date_impossible"


class RegistrationDateImpossible(Refusal):
    """A business was not registered in the future, nor before the year 1600."""

    rule = "registration_date_impossible"


class IdentifierTaken(Refusal):
    """Another member holds this identifier, or it was given twice."""

    rule = "identifier_taken"
    status = 409


class TooManyIdentifiers(Refusal):
    """A member has at most 20 identifiers."""

    rule = "too_many_identifiers"


class RegistrationStays(Refusal):
    """The registration number and country of a business do not change; add an identifier for a new one."""

    rule = "registration_stays"


class WrongMemberKind(Refusal):
    """A person is no business, and a business no person."""

    rule = "wrong_member_kind"


class StatusMoveNotAllowed(Refusal):
    """The member's status allows no such move."""

    rule = "status_move_not_allowed"
    status = 409


class MembershipEnded(Refusal):
    """A closed membership does not change any more."""

    rule = "membership_ended"
    status = 409


class StillInGroup(Refusal):
    """The member guarantees others in a group; leave it first."""

    rule = "still_in_group"
    status = 409


class NotAnActiveMember(Refusal):
    """Only active members join a group."""

    rule = "not_an_active_member"


class InAnotherGroup(Refusal):
    """The member is in a group already; a member is in one at a time."""

    rule = "in_another_group"
    status = 409


class SeatTaken(Refusal):
    """Another member has this office in the group."""

    rule = "seat_taken"
    status = 409


class GroupNameTaken(Refusal):
    """Another group has this name."""

    rule = "group_name_taken"
    status = 409


class GroupFull(Refusal):
    """A group has at most 50 members."""

    rule = "group_full"


class NotInGroup(NotFound):
    """The member is not in this group."""

    rule = "not_in_group"


class NameTooShort(Refusal):
    """Give at least two letters of one word of the name."""

    rule = "name_too_short"
