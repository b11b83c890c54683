"""The rules that each project has from the start, unarmed: sensible ones, to be read, tried by a preview, changed. Pure."""

from collections.abc import Mapping

from common.alerts.rules import RuleTerms

DEFAULT_RULES: Mapping[str, RuleTerms] = {
    "New failures, and failures that are back": RuleTerms.model_validate(
        {
            "when": ["new", "regressed"],
            "if": {"all": [{"least_severity": "error"}]},
            "throttle_minutes": 1_440,
            "gather_minutes": 10,
        }
    ),
    "Spikes and incidents": RuleTerms.model_validate(
        {
            "when": ["spiking", "rising", "incident"],
            "if": {"all": [{"least_severity": "error"}]},
            "throttle_minutes": 360,
        }
    ),
    "Critical errors that are new, in one message a day": RuleTerms.model_validate(
        {
            "when": ["new"],
            "if": {"all": [{"severity": "critical"}]},
            "digest": {"at": "09:00", "timezone": "UTC"},
        }
    ),
    "Budgets": RuleTerms.model_validate({"when": [{"budget": 80}, {"breach": 0.8}], "throttle_minutes": 0}),
    "Unusual spending": RuleTerms.model_validate({"when": ["spend"], "throttle_minutes": 360}),
    "Services that fell silent": RuleTerms.model_validate({"when": ["silent"], "throttle_minutes": 360}),
    "Mayday itself": RuleTerms.model_validate({"when": ["worker_late", "disk", "undelivered"]}),
}
