package schema

// Reasons for which a schema takes what check refuses.
const (
	elsewhere = "what the name stands for is in another file"
	compared  = "a schema compares no two values"
	zones     = "the names of zones are those of the time zone database, which changes"
	deep      = "a schema does not count how deep conditions nest"
	device    = "the editor's YAML reads it, as YAML does"
	anyName   = "a property may have any name"
	byUse     = "what kind of value it is, other places tell"
	standard  = "the kinds of the properties that the shop specification names are for check"
	patterns  = "a schema does not read regular expressions"
	customers = "which events customers have is for check"
)

// beyond lists the broken files that a schema takes, each with the reason.
var beyond = map[string]string{
	"campaign/step-topic-transactional":         "a step is checked by itself, whatever its campaign is",
	"workspace/rates-folder":                    elsewhere,
	"campaign/active":                           compared,
	"campaign/alias":                            device,
	"campaign/condition-between":                compared,
	"campaign/condition-deep":                   deep,
	"campaign/condition-money":                  "the workspace's currency is in another file",
	"campaign/condition-where-operator":         anyName,
	"campaign/event-between-order":              compared,
	"campaign/event-catalogue":                  customers,
	"campaign/event-count-between":              compared,
	"campaign/inactivity-catalogue":             customers,
	"campaign/kind-consent":                     elsewhere,
	"campaign/kind-goal-value":                  standard,
	"campaign/kind-property-code":               standard,
	"campaign/kind-property-list":               standard,
	"campaign/kind-property-number":             standard,
	"campaign/kind-property-text":               standard,
	"campaign/kind-sum-text":                    standard,
	"campaign/kind-two-attributes":              byUse,
	"campaign/kind-two-dates":                   byUse,
	"campaign/kind-two-lists":                   byUse,
	"campaign/kind-two-objects":                 byUse,
	"campaign/kind-two-properties":              byUse,
	"campaign/no-subject":                       elsewhere,
	"campaign/operator-between-late":            compared,
	"campaign/operator-comment":                 device,
	"campaign/operator-matches-lookahead":       patterns,
	"campaign/operator-matches-syntax":          patterns,
	"campaign/operator-matches-word":            patterns,
	"campaign/operator-money-second":            "the workspace's currency is in another file",
	"campaign/operator-number-currency":         byUse,
	"campaign/operator-number-duration":         byUse,
	"campaign/operator-same-as-schedule":        "what a trigger's event holds is not in the file",
	"campaign/second-document":                  device,
	"campaign/segment-unknown":                  elsewhere,
	"campaign/sender-unknown":                   elsewhere,
	"campaign/step-arm-order":                   "a schema does not know which entry of a list is the last",
	"campaign/step-duplicate-id":                compared,
	"campaign/step-duplicate-send":              compared,
	"campaign/template-unknown":                 elsewhere,
	"campaign/fresh-catalogue":                  customers,
	"campaign/send-window-same":                 compared,
	"campaign/step-when-capped-ignore":          elsewhere,
	"campaign/transactional-step-gates":         "a step is checked by itself, whatever its campaign is",
	"campaign/when-capped-ignore":               elsewhere,
	"workspace/ignore-cap-unknown":              elsewhere,
	"workspace/provider-domain-twice":           compared,
	"workspace/quiet-hours-same":                compared,
	"workspace/topic-when-segment":              elsewhere,
	"campaign/topic-unknown":                    elsewhere,
	"campaign/trigger-cart-where-kind":          standard,
	"campaign/trigger-property-kind":            standard,
	"campaign/trigger-replenishment-before":     compared,
	"campaign/trigger-replenishment-before-gap": compared,
	"campaign/trigger-replenishment-of-kind":    standard,
	"campaign/trigger-schedule-property":        "what a trigger's event holds is not in the file",
	"campaign/trigger-segment-unknown":          elsewhere,
	"campaign/trigger-where-kind":               standard,
	"campaign/was":                              elsewhere,
	"campaign/where-each-kind":                  standard,
	"campaign/where-each-scalar":                standard,
	"campaign/where-foreign":                    anyName,
	"campaign/where-slip":                       anyName,
	"campaign/zone":                             zones,
	"campaign/zone-near":                        zones,
	"segment/cycle":                             elsewhere,
	"segment/limit-kind":                        byUse,
	"segment/limit-text":                        byUse,
	"workspace/attributes-kind":                 byUse,
	"workspace/comment":                         device,
	"workspace/goal-kind":                       standard,
	"workspace/locales-fallback":                compared,
	"workspace/no-address":                      elsewhere,
	"workspace/rates-file":                      elsewhere,
	"workspace/tiers-cycle":                     elsewhere,
	"workspace/tiers-value":                     byUse,
	"workspace/topic-locale":                    compared,
	"workspace/zone":                            zones,
}
