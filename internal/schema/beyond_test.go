package schema

// Reasons for which a schema takes what check refuses.
const (
	elsewhere = "what the name stands for is in another file"
	compared  = "a schema compares no two values"
	zones     = "the names of zones are those of the time zone database, which changes"
	deep      = "a schema does not count how deep conditions nest"
	device    = "the editor's YAML reads it, as YAML does"
	anyName   = "a property may have any name"
)

// beyond lists the broken files that a schema takes, each with the reason.
var beyond = map[string]string{
	"campaign/active":                    compared,
	"campaign/alias":                     device,
	"campaign/condition-between":         compared,
	"campaign/condition-deep":            deep,
	"campaign/condition-money":           "the workspace's currency is in another file",
	"campaign/condition-where-operator":  anyName,
	"campaign/no-subject":                elsewhere,
	"campaign/second-document":           device,
	"campaign/segment-unknown":           elsewhere,
	"campaign/sender-unknown":            elsewhere,
	"campaign/step-arm-order":            "a schema does not know which entry of a list is the last",
	"campaign/step-duplicate-id":         compared,
	"campaign/step-duplicate-send":       compared,
	"campaign/template-unknown":          elsewhere,
	"campaign/topic-unknown":             elsewhere,
	"campaign/trigger-schedule-property": "what a trigger's event holds is not in the file",
	"campaign/was":                       elsewhere,
	"campaign/zone":                      zones,
	"campaign/zone-near":                 zones,
	"segment/cycle":                      elsewhere,
	"workspace/comment":                  device,
	"workspace/no-address":               elsewhere,
	"workspace/topic-locale":             compared,
	"workspace/zone":                     zones,
}
