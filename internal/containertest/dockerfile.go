// Package containertest plays a container engine for tests: it assembles the files of the image
// that the Dockerfile describes, and runs the programs in them as an engine would.
//
// The Dockerfile is read and carried out instruction by instruction, so that a test of the image
// cannot drift from it. What is not understood is an error. Two things are played by this machine:
// the first stage's base image, whose programs are those that are installed here, and the network.
// A container has a root of its own, which is read-only, a user that is not root and has no
// capabilities, its own process numbers, and no environment but its own. It has fewer files than an
// engine gives it: neither /proc, /dev, /sys nor a resolver's configuration.
package containertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// instruction is one line of a Dockerfile; continued lines are one.
type instruction struct {
	name string // in capitals
	args string
	line int
}

// Stage is one FROM of a Dockerfile, with what its instructions set for the programs in it.
type Stage struct {
	Base, Name string
	// Env is the environment, in the form of os.Environ.
	Env []string
	// User is UID:GID; empty is root.
	User string
	// Dir is where programs start.
	Dir string
	// Ports are those that are exposed.
	Ports []string
	// Command is what is run without another command.
	Command []string

	// files are the COPY and RUN instructions, in order.
	files []instruction
}

// ParseDockerfile reads the stages of a Dockerfile. The error names the first line that is not
// understood.
func ParseDockerfile(text string) ([]Stage, error) {
	var stages []Stage
	for _, in := range instructions(text) {
		if in.name == "FROM" {
			stages = append(stages, newStage(in.args))
			continue
		}
		if len(stages) == 0 {
			return nil, fmt.Errorf("line %d: %s stands before FROM", in.line, in.name)
		}
		if err := stages[len(stages)-1].take(in); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", in.line, in.name, err)
		}
	}
	return stages, nil
}

// instructions splits a Dockerfile. Comments are lines that begin with #.
func instructions(text string) []instruction {
	var all []instruction
	continued := false
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		part, more := strings.CutSuffix(line, `\`)
		if continued {
			all[len(all)-1].args += " " + strings.TrimSpace(part)
		} else {
			name, args, _ := strings.Cut(part, " ")
			all = append(all, instruction{name: strings.ToUpper(name), args: strings.TrimSpace(args), line: i + 1})
		}
		continued = more
	}
	return all
}

// newStage reads "IMAGE [AS NAME]".
func newStage(args string) Stage {
	s := Stage{Dir: "/"}
	fields := strings.Fields(args)
	if s.Base = fields[0]; len(fields) == 3 && strings.EqualFold(fields[1], "AS") {
		s.Name = fields[2]
	}
	return s
}

// take adds one instruction.
func (s *Stage) take(in instruction) error {
	fields := strings.Fields(in.args)
	if len(fields) == 0 {
		return errors.New("has no arguments")
	}
	switch in.name {
	case "RUN", "COPY":
		s.files = append(s.files, in)
	case "WORKDIR":
		s.Dir = path.Join(s.Dir, in.args)
		s.files = append(s.files, in)
	case "ARG": // without a value it is one that the build may be given
		if strings.Contains(in.args, "=") {
			return errors.New("a default is not understood")
		}
	case "ENV":
		for _, field := range fields {
			if !strings.Contains(field, "=") || strings.ContainsAny(field, `$"'\`) {
				return fmt.Errorf("%s is not NAME=VALUE without quotes and variables", field)
			}
		}
		s.Env = append(s.Env, fields...)
	case "USER":
		s.User = in.args
	case "EXPOSE":
		s.Ports = append(s.Ports, fields...)
	case "CMD":
		if err := json.Unmarshal([]byte(in.args), &s.Command); err != nil {
			return fmt.Errorf("is not a list in JSON: %w", err)
		}
	default:
		return errors.New("is not understood")
	}
	return nil
}

// Variable is a variable of the stage's environment; empty if it is not there.
func (s *Stage) Variable(name string) string {
	for _, entry := range slices.Backward(s.Env) {
		if value, is := strings.CutPrefix(entry, name+"="); is {
			return value
		}
	}
	return ""
}
