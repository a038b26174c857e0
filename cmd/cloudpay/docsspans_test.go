package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cloudpay/internal/cli/render"
)

// span is a command that is named in a text: between backquotes, or in a command's help.
var span = regexp.MustCompile("`((?:cloudpay|make|go run|go test|go build)(?: [^`]*)?)`")

// What a document names in a sentence cannot be run, for it stands for what the reader fills in.
// Its command has to exist, and so have its flags.
func TestDocumentsNameCommands(t *testing.T) {
	t.Parallel()
	named := 0
	for _, d := range documents(t, repositoryRoot) {
		if d.path == "CHANGELOG.md" {
			continue // which tells of commands that are no more
		}
		for i, line := range strings.Split(d.text, "\n") {
			for _, match := range span.FindAllStringSubmatch(line, -1) {
				named++
				if err := exists(t, match[1]); err != nil {
					t.Errorf("%s:%d: `%s`: %v", d.path, i+1, match[1], err)
				}
			}
		}
	}
	if named < 50 {
		t.Errorf("found only %d commands in sentences", named)
	}
}

// What the help of a command names exists, too.
func TestHelpNamesCommands(t *testing.T) {
	t.Parallel()
	quoted := regexp.MustCompile(`"(cloudpay [^"]*)"`)
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		var named []string
		for _, match := range quoted.FindAllStringSubmatch(cmd.Long, -1) {
			named = append(named, match[1])
		}
		for line := range strings.Lines(cmd.Example) {
			if _, command, is := strings.Cut(line, "cloudpay "); is {
				named = append(named, "cloudpay "+strings.TrimSpace(command))
			}
		}
		for _, command := range named {
			if err := exists(t, command); err != nil {
				t.Errorf("the help of %s: %s: %v", cmd.CommandPath(), command, err)
			}
		}
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	look(newRoot(&render.Language{}))
	look(newRoot(&render.Language{Chinese: true}))
}

// exists says what of a command there is not.
func exists(t *testing.T, text string) error {
	t.Helper()
	for command := range strings.SplitSeq(text, "|") {
		words := wordsOf(strings.TrimSpace(command))
		if len(words) == 0 {
			continue
		}
		at := slices.IndexFunc(words, func(word string) bool { return word == "./cmd/cloudpay" || word == commandName })
		var err error
		switch {
		case words[0] == "make" && len(words) > 1:
			err = targetExists(t, words[1])
		case words[0] == "go" && words[1] == "test":
			err = testExists(words[2:])
		case words[0] == "go" && words[1] == "build":
		case at >= 0:
			err = commandExists(words[at+1:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wordsOf splits a command as a shell does, as far as documents need it.
func wordsOf(command string) []string {
	var words []string
	for _, word := range regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`).FindAllString(command, -1) {
		switch {
		case strings.Contains(word, anything):
			words = append(words, anything)
		case strings.HasPrefix(word, "#"), strings.HasPrefix(word, ">"):
			return words
		default:
			words = append(words, strings.Trim(word, `'"`))
		}
	}
	return words
}

// commandExists parses the words behind cloudpay. A word in capitals, such as ID, stands for a
// value, and … for any.
func commandExists(words []string) error {
	root := newRoot(&render.Language{})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	if len(words) > 0 && isValue(words[0]) {
		words = words[1:] // cloudpay COMMAND
	}
	cmd, rest, err := root.Find(words)
	switch {
	case err != nil:
		return fmt.Errorf("there is no such command: %w", err)
	case cmd.HasSubCommands() && len(rest) > 0 && rest[0] == anything: // any command below it will do
		for _, sub := range cmd.Commands() {
			if err = flagsExist(sub, rest[1:]); err == nil {
				return nil
			}
		}
		return err
	case cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-"):
		return fmt.Errorf("%s has no command %s", cmd.CommandPath(), rest[0])
	}
	return flagsExist(cmd, rest)
}

// isValue tells whether a word stands for what the reader fills in.
func isValue(word string) bool { return word == strings.ToUpper(word) && word != strings.ToLower(word) }

func flagsExist(cmd *cobra.Command, words []string) error {
	cmd.InitDefaultHelpFlag()
	words = slices.DeleteFunc(slices.Clone(words), func(word string) bool { return word == anything })
	for i, word := range words {
		if i > 0 && strings.HasPrefix(words[i-1], "--") && isValue(word) {
			words[i] = "1"
		}
	}
	if last := len(words) - 1; last >= 0 && strings.HasPrefix(words[last], "--") { // whose value is left out
		if flag := cmd.Flag(words[last][2:]); flag != nil && flag.NoOptDefVal == "" {
			words = append(words, "1")
		}
	}
	if err := cmd.Flags().Parse(words); err != nil && !errors.Is(err, pflag.ErrHelp) {
		return fmt.Errorf("%s: %w", cmd.CommandPath(), err)
	}
	return nil
}

// targetExists looks for a target of the Makefile.
func targetExists(t *testing.T, target string) error {
	t.Helper()
	for target := range strings.SplitSeq(strings.TrimSuffix(target, ","), ",") {
		if !strings.Contains(readRoot(t, "Makefile"), "\n"+target+":") {
			return fmt.Errorf("the Makefile has no target %s", target)
		}
	}
	return nil
}

// testExists looks for the tests that go test is told to run, and for their package.
func testExists(words []string) error {
	var folder, run string
	for i, word := range words {
		if strings.HasPrefix(word, "./") {
			folder = word
		}
		if i > 0 && words[i-1] == "-run" {
			run = word
		}
	}
	sources, err := filepath.Glob(filepath.Join(repositoryRoot, folder, "*_test.go"))
	if err != nil || len(sources) == 0 {
		return fmt.Errorf("there are no tests in %s", folder)
	}
	if run == "" {
		return nil
	}
	name := regexp.MustCompile(`func (?:` + strings.Trim(strings.Split(run, "/")[0], "^$") + `)`)
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err == nil && name.Match(text) {
			return nil
		}
	}
	return fmt.Errorf("%s has no test %s", folder, run)
}
