"""Which models a Perplexica offers, and which of them to ask for: contract of Perplexica, sections 1.1, 3 and 5."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from freqai_ext._services.strict_json import expect_list, expect_object, list_or_empty, object_or_empty, text_or_none
from freqai_ext.errors import NewsRefusedError
from freqai_ext.news._plain_text import one_line

Kind = Literal["chat", "embedding"]

_KEYS_OF_LISTS: Final[Mapping[Kind, str]] = {"chat": "chatModels", "embedding": "embeddingModels"}
_KEYS_OF_PROVIDERS: Final[Mapping[Kind, str]] = {
    "chat": "chatModelProviders",
    "embedding": "embeddingModelProviders",
}
_LONGEST_OFFER: Final = 300


@dataclass(frozen=True)
class OfferedModel:
    """A model that can be asked for.

    Attributes
    ----------
    provider_id
        By which generations C and D know the provider, another one in each installation; its name in A and B.
    provider, key, name
        What people call the provider, what the request calls the model, what people call it.
    """

    provider_id: str
    provider: str
    key: str
    name: str


def models_by_provider_id(answer: object, where: str, kind: Kind) -> list[OfferedModel]:
    """Read ``/api/providers`` of generations C and D; ``where`` begins the text of a NewsAnswerError."""
    offers = []
    for raw in expect_list(expect_object(answer, where).get("providers"), f"{where}, 'providers',"):
        provider = object_or_empty(raw)
        identity = text_or_none(provider.get("id"))
        for raw_model in list_or_empty(provider.get(_KEYS_OF_LISTS[kind])):
            model = object_or_empty(raw_model)
            key = text_or_none(model.get("key"))
            if identity and key:
                name = text_or_none(provider.get("name")) or identity
                offers.append(OfferedModel(identity, name, key, text_or_none(model.get("name")) or key))
    return offers


def models_by_provider_name(answer: object, where: str, kind: Kind) -> list[OfferedModel]:
    """Read ``/api/models`` of generations A and B; ``where`` begins the text of a NewsAnswerError."""
    name_of_all = _KEYS_OF_PROVIDERS[kind]
    providers = expect_object(expect_object(answer, where).get(name_of_all), f"{where}, '{name_of_all}',")
    return [
        OfferedModel(provider, provider, key, text_or_none(object_or_empty(model).get("displayName")) or key)
        for provider, models in providers.items()
        for key, model in object_or_empty(models).items()
    ]


def choose_model(
    offers: Sequence[OfferedModel], kind: Kind, provider: str | None, model: str | None, where: str
) -> OfferedModel:
    """Return the first model that fits the settings; ``None`` fits everything.

    Raises
    ------
    NewsRefusedError
        If none does. It says what is offered.
    """
    for offer in offers:
        if _fits(provider, offer.provider_id, offer.provider) and _fits(model, offer.key, offer.name):
            return offer
    settings = f"freqai_ext.news.perplexica.{kind}_provider and {kind}_model"
    if not offers:
        raise NewsRefusedError(
            f"{where}: it offers no {kind} model; add one in its own settings (a provider with an address of its own "
            "lists none until they are added)"
        )
    wanted = f"{provider or 'any provider'}: {model or 'any model'}"
    offered = one_line("; ".join(f"{offer.provider}: {offer.key}" for offer in offers), _LONGEST_OFFER)
    raise NewsRefusedError(
        f"{where}: no {kind} model fits {wanted!r}; set {settings} to one of those that it offers ({offered}), or add "
        "it in its own settings"
    )


def _fits(wanted: str | None, *names: str) -> bool:
    return wanted is None or wanted.casefold() in (name.casefold() for name in names)
