package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// What this platform says about itself. Account, region and version are told to every function; the numbers are made up
// and have the length of real ones.
const (
	namespace    = "default"
	version      = "$LATEST"
	region       = "ap-guangzhou"
	accountAppID = "1250000000"
	accountUin   = "100000000001"

	loopbackHost = "127.0.0.1"
	portVariable = "_LAMBDA_SERVER_PORT"
)

// maxConfigured is how many bytes the configured variables may have in all, names and values (SCF doc 583/11637: 4 KB).
const maxConfigured = 4 << 10

// Names that SCF accepts (SCF doc 583/11637 for functions, "environment variables" for variables).
var (
	functionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,59}$`)
	variableName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

// reservedPrefixes are those of the platform's own variables.
var reservedPrefixes = []string{"SCF_", "QCLOUD_", "TENCENTCLOUD_"}

// checkName refuses a function name that SCF would not take.
func checkName(name string) error {
	if !functionName.MatchString(name) {
		return errors.New("a function's name is a letter, then letters, digits, - and _, at most 60 characters in all")
	}
	return nil
}

// configuredVariables reads a function's own variables and refuses, all at once, what SCF would not take.
func configuredVariables(env []string) (map[string]string, error) {
	configured := make(map[string]string, len(env))
	size := 0
	var faults []string
	for _, entry := range env {
		name, value, ok := strings.Cut(entry, "=")
		if fault := variableFault(name, ok); fault != "" {
			faults = append(faults, fault)
			continue
		}
		configured[name] = value
		size += len(name) + len(value)
	}
	if size > maxConfigured {
		faults = append(faults, fmt.Sprintf("they have %d bytes in all; SCF takes at most %d", size, maxConfigured))
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("its environment variables: %s", strings.Join(faults, "; "))
	}
	return configured, nil
}

// variableFault says why SCF would not take a variable; "" if it would. It shows the name only: values are secrets.
func variableFault(name string, hasValue bool) string {
	if !hasValue {
		return "an entry has no = sign; write KEY=value" // the entry may be a bare secret
	}
	if !variableName.MatchString(name) {
		return fmt.Sprintf("%q must start with a letter and have only letters, digits and _", name)
	}
	for _, prefix := range reservedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return fmt.Sprintf("%s: the prefix %s is the platform's own", name, prefix)
		}
	}
	return ""
}

// processEnvironment is everything a process of the function finds in its environment (SCF doc "environment variables"):
// the platform's defaults, then the configured variables, then what must not be changed. Nothing comes from the
// environment of this process, so that a function cannot work here by what the developer's machine happens to have.
func processEnvironment(spec Spec, port int) []string {
	folder := filepath.Dir(spec.Binary)
	env := []string{
		"HOME=/home/qcloud",
		"LANG=en_US.UTF8",
		"LC_ALL=en_US.UTF8",
		"LOGNAME=qcloud",
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"TZ=UTC",
		"USER=qcloud",
	}
	env = append(env, spec.Env...)
	return append(env,
		"PWD="+folder,
		"SCF_FUNCTIONNAME="+spec.Name,
		"SCF_FUNCTIONVERSION="+version,
		"SCF_RUNTIME=Go1",
		"TENCENTCLOUD_APPID="+accountAppID,
		"TENCENTCLOUD_REGION="+region,
		"TENCENTCLOUD_RUNENV=SCF",
		"TENCENTCLOUD_TZ=UTC",
		"TENCENTCLOUD_UIN="+accountUin,
		"USER_CODE_ROOT="+folder+string(filepath.Separator),
		"_SCF_SERVER_PORT="+strconv.Itoa(port),
		portVariable+"="+strconv.Itoa(port),
		"CLOUDPAY_LISTEN_HOST="+loopbackHost, // ours, not SCF's: a developer's machine is not to be open to the network
	)
}

// environmentJSON is an invocation's Environment: the configured variables, overlaid with what is said of this call.
func environmentJSON(configured, ofThisCall map[string]string) string {
	environment := maps.Clone(configured)
	maps.Copy(environment, ofThisCall)
	text, err := json.Marshal(environment)
	if err != nil {
		return "{}" // a map of strings can always be marshalled
	}
	return string(text)
}
