"""NHS numbers by Modulus 11, and keys that depend on the secret, the domain and nothing else."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.identifiers import PersonKeys, ResourceIds, is_nhs_number, is_usable_nhs_number


@pytest.mark.parametrize("number", ["9000000009", "9912003888", "3333333333", "9449305552", "9730676240"])
def test_numbers_of_the_public_samples_pass(number: str) -> None:
    assert is_nhs_number(number)


@pytest.mark.parametrize(
    "number",
    ["", "900000000", "90000000090", "9000000008", "900 000 0009", "900000000X", "٩٠٠٠٠٠٠٠٠٩", "0000000060"],
)
def test_what_is_no_nhs_number_fails(number: str) -> None:
    assert not is_nhs_number(number)


@given(st.integers(min_value=0, max_value=999_999_999))
def test_at_most_one_last_digit_fits_nine_others(nine: int) -> None:
    fitting = [d for d in "0123456789" if is_nhs_number(f"{nine:09d}{d}")]
    assert len(fitting) <= 1


def test_a_number_joins_people_only_when_it_is_verified() -> None:
    assert is_usable_nhs_number("9000000009", "01", traced_source=False)
    assert is_usable_nhs_number("9000000009", None, traced_source=True)
    assert not is_usable_nhs_number("9000000009", None, traced_source=False)
    assert not is_usable_nhs_number("9000000009", "02", traced_source=True)
    assert not is_usable_nhs_number("3333333333", "01", traced_source=True), "one digit ten times is suspicious"


def test_visit_2139_of_two_trusts_is_two_visits() -> None:
    ids = ResourceIds(b"key")
    assert ids.make("Encounter", "dch-pas", "2139") != ids.make("Encounter", "rbd-pas", "2139")
    assert ids.make("Encounter", "dch-pas", "2139") == ids.make("Encounter", "dch-pas", "2139")
    assert ids.make("Encounter", "dch-pas", "2139") != ids.make("Location", "dch-pas", "2139")
    assert ids.make("Encounter", "dch-pas", "2139") != ResourceIds(b"other").make("Encounter", "dch-pas", "2139")


@given(st.text(), st.text(), st.text())
def test_a_resource_id_is_a_uuid_that_fhir_accepts(kind: str, domain: str, value: str) -> None:
    made = ResourceIds(b"key").make(kind, domain, value)
    assert uuid.UUID(made).version == 8
    assert made == made.lower()


def test_person_keys_show_which_secret_made_them_and_nothing_else() -> None:
    keys = PersonKeys(b"secret", "p1")
    key = keys.of_nhs_number("9000000009")
    assert key.startswith("p1-")
    assert "9000000009" not in key
    assert key != PersonKeys(b"other", "p1").of_nhs_number("9000000009")
    assert keys.of_local("dch-pas", "urn:a", "1") != keys.of_local("rbd-pas", "urn:a", "1")
