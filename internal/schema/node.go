package schema

import (
	"bytes"
	"encoding/json"
)

// dialect is the version of JSON Schema that the files are written in.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// node is a schema, as far as ours need the vocabulary. The keywords are those of
// JSON Schema draft 2020-12 (json-schema.org/draft/2020-12/json-schema-validation).
type node struct {
	Dialect           string           `json:"$schema,omitempty"`
	Ref               string           `json:"$ref,omitempty"`
	Title             string           `json:"title,omitempty"`
	Description       string           `json:"description,omitempty"`
	Type              any              `json:"type,omitempty"` // a word, or several
	Const             any              `json:"const,omitempty"`
	Enum              []any            `json:"enum,omitempty"`
	Pattern           string           `json:"pattern,omitempty"`
	Minimum           *float64         `json:"minimum,omitempty"`
	Maximum           *float64         `json:"maximum,omitempty"`
	Default           any              `json:"default,omitempty"`
	Examples          []any            `json:"examples,omitempty"`
	Properties        properties       `json:"properties,omitempty"`
	PatternProperties map[string]*node `json:"patternProperties,omitempty"`
	PropertyNames     *node            `json:"propertyNames,omitempty"`
	Additional        *bool            `json:"additionalProperties,omitempty"`
	Required          []string         `json:"required,omitempty"`
	MinProperties     int              `json:"minProperties,omitempty"`
	MaxProperties     int              `json:"maxProperties,omitempty"`
	Items             *node            `json:"items,omitempty"`
	MinItems          int              `json:"minItems,omitempty"`
	MaxItems          int              `json:"maxItems,omitempty"`
	UniqueItems       bool             `json:"uniqueItems,omitempty"`
	Not               *node            `json:"not,omitempty"`
	AllOf             []*node          `json:"allOf,omitempty"`
	AnyOf             []*node          `json:"anyOf,omitempty"`
	OneOf             []*node          `json:"oneOf,omitempty"`
	If                *node            `json:"if,omitempty"`
	Then              *node            `json:"then,omitempty"`
	Else              *node            `json:"else,omitempty"`
	Defs              map[string]*node `json:"$defs,omitempty"`
}

// property is a key of a map and what stands there.
type property struct {
	name     string
	value    *node
	required bool
}

// properties keep their order: an editor lists keys as the docs do.
type properties []property

// MarshalJSON writes an object.
func (ps properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range ps {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, part := range []any{p.name, p.value} {
			if j > 0 {
				b.WriteByte(':')
			}
			text, err := marshal(part)
			if err != nil {
				return nil, err
			}
			b.Write(text)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal without the escapes that only web pages need.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
