package containertest

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// Compose is a compose.yaml, as far as the repository's own goes
// (docs.docker.com/reference/compose-file).
type Compose struct {
	Name     string                    `yaml:"name"`
	Services map[string]Service        `yaml:"services"`
	Volumes  map[string]any            `yaml:"volumes"`
	Secrets  map[string]SecretFromFile `yaml:"secrets"`
	// Service and Environment are what several services share.
	Service     Service           `yaml:"x-cloudpay"`
	Environment map[string]string `yaml:"x-environment"`
}

// SecretFromFile is a secret that a service finds at /run/secrets/NAME.
type SecretFromFile struct {
	File string `yaml:"file"`
}

// Service is a service of a compose.yaml.
type Service struct {
	Image           string                `yaml:"image"`
	Build           string                `yaml:"build"`
	Command         []string              `yaml:"command"`
	Environment     map[string]string     `yaml:"environment"`
	Secrets         []string              `yaml:"secrets"`
	Ports           []string              `yaml:"ports"`
	Volumes         []string              `yaml:"volumes"`
	DependsOn       map[string]Dependency `yaml:"depends_on"`
	Restart         string                `yaml:"restart"`
	ReadOnly        bool                  `yaml:"read_only"`
	CapDrop         []string              `yaml:"cap_drop"`
	SecurityOpt     []string              `yaml:"security_opt"`
	StopGracePeriod string                `yaml:"stop_grace_period"`
	Healthcheck     *Healthcheck          `yaml:"healthcheck"`
}

// Dependency is what another service must have come to before a service starts.
type Dependency struct {
	Condition string `yaml:"condition"`
}

// Healthcheck is a command that tells whether a service answers.
type Healthcheck struct {
	Test     []string `yaml:"test"`
	Interval string   `yaml:"interval"`
	Timeout  string   `yaml:"timeout"`
	Retries  int      `yaml:"retries"`
}

// ReadCompose reads a compose.yaml. Its variables are filled in by lookup, as from .env. The error
// names each variable that the file requires and lookup does not have; a name that is in none of
// the types above is an error.
func ReadCompose(name string, lookup func(string) (string, bool)) (*Compose, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	filled, err := fillIn(string(text), lookup)
	if err != nil {
		return nil, err
	}
	var c Compose
	if err := yaml.UnmarshalWithOptions([]byte(filled), &c, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &c, nil
}

// placeholder is ${NAME}, ${NAME:-DEFAULT} or ${NAME:?}: for the last one there must be a value.
var placeholder = regexp.MustCompile(`\$\{([A-Z0-9_]+)(?::([-?])([^}]*))?\}`)

// fillIn fills in the placeholders of a text. Comments have none.
func fillIn(text string, lookup func(string) (string, bool)) (string, error) {
	var missing []error
	filled := placeholder.ReplaceAllStringFunc(text, func(found string) string {
		parts := placeholder.FindStringSubmatch(found)
		value, _ := lookup(parts[1])
		switch {
		case value != "":
		case parts[2] == "-":
			value = parts[3]
		case parts[2] == "?":
			missing = append(missing, fmt.Errorf("%s has no value", parts[1]))
		}
		return value
	})
	if strings.Contains(filled, "${") {
		missing = append(missing, errors.New("a placeholder is not understood"))
	}
	return filled, errors.Join(missing...)
}
