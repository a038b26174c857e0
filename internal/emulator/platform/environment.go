package platform

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
)

// What the platform tells every function about the account, the region and the version. The numbers
// are made up, and as long as real ones.
const (
	namespace    = "default"
	version      = "$LATEST"
	region       = "ap-guangzhou"
	accountAppID = "1250000000"
	accountUin   = "100000000001"

	loopbackHost = "127.0.0.1"
)

// maxConfigured is the most bytes of the configured variables, names and values together: 4 KB on
// SCF (doc 583/11637) and on Lambda ("configuration-envvars").
const maxConfigured = 4 << 10

// Names that SCF accepts (SCF doc 583/11637 for functions, "environment variables" for variables).
var (
	functionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,59}$`)
	variableName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

// reservedPrefixes begin the names of SCF's own variables.
var reservedPrefixes = []string{"SCF_", "QCLOUD_", "TENCENTCLOUD_"}

// reservedPrefixesOfLambda begin those of Lambda's (docs.aws.amazon.com/lambda,
// "configuration-envvars").
var reservedPrefixesOfLambda = []string{
	"AWS_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
}

// checkName refuses a function name that SCF does not accept.
func checkName(name string) error {
	if !functionName.MatchString(name) {
		return errors.New("a function's name is a letter, then letters, digits, - and _, at most 60 characters in all")
	}
	return nil
}

// configuredVariables parses the configured variables. The error lists every one that the platform
// does not accept, without its value.
func configuredVariables(env []string, reserved []string) (map[string]string, error) {
	configured := make(map[string]string, len(env))
	size := 0
	var faults []string
	for _, entry := range env {
		name, value, ok := strings.Cut(entry, "=")
		if fault := variableFault(name, ok, reserved); fault != "" {
			faults = append(faults, fault)
			continue
		}
		configured[name] = value
		size += len(name) + len(value)
	}
	if size > maxConfigured {
		faults = append(faults, fmt.Sprintf("they have %d bytes in all; the platform takes at most %d", size, maxConfigured))
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("its environment variables: %s", strings.Join(faults, "; "))
	}
	return configured, nil
}

// variableFault says why the platform does not accept a variable; it is empty if it does. It shows
// the name only: values are secrets.
func variableFault(name string, hasValue bool, reserved []string) string {
	if !hasValue {
		return "an entry has no = sign; write KEY=value" // the entry may be a bare secret
	}
	if !variableName.MatchString(name) {
		return fmt.Sprintf("%q must start with a letter and have only letters, digits and _", name)
	}
	for _, prefix := range reserved {
		if strings.HasPrefix(name, prefix) {
			return fmt.Sprintf("%s: the prefix %s is the platform's own", name, prefix)
		}
	}
	return ""
}

// processEnvironment is the whole environment of a function's process: the platform's defaults, the
// configured variables, then the variables that must not be changed, among them those of the
// protocol. Later ones win. Nothing comes from the environment of this process: a function that
// needs something from the developer's machine fails here as it would when deployed.
func processEnvironment(spec Spec, spoken []string) []string {
	var env []string
	if spec.Runtime == Lambda {
		env = append(lambdaDefaults(), spec.Env...)
		env = append(env, lambdaClient(spec)...)
	} else {
		env = append(scfDefaults(), spec.Env...)
		env = append(env, scfVariables(spec, spec.Folder)...)
		env = append(env, cloudBaseClient(spec)...)
	}
	env = append(env, "PWD="+spec.Folder)
	env = append(env, spoken...)
	// Ours, not the platform's: the function must not be reachable from the network.
	return append(env, "CLOUDPAY_LISTEN_HOST="+loopbackHost)
}

// scfDefaults are variables that SCF sets and a function may change (SCF doc "environment
// variables").
func scfDefaults() []string {
	return []string{
		"HOME=/home/qcloud",
		"LANG=en_US.UTF8",
		"LC_ALL=en_US.UTF8",
		"LOGNAME=qcloud",
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"TZ=UTC",
		"USER=qcloud",
	}
}

// scfVariables are variables that SCF sets and a function cannot change.
func scfVariables(spec Spec, folder string) []string {
	return []string{
		"SCF_FUNCTIONNAME=" + spec.Name,
		"SCF_FUNCTIONVERSION=" + version,
		"TENCENTCLOUD_APPID=" + accountAppID,
		"TENCENTCLOUD_REGION=" + region,
		"TENCENTCLOUD_RUNENV=SCF",
		"TENCENTCLOUD_TZ=UTC",
		"TENCENTCLOUD_UIN=" + accountUin,
		"USER_CODE_ROOT=" + folder + string(filepath.Separator),
	}
}

// lambdaDefaults are variables that Lambda sets and a function may change
// (docs.aws.amazon.com/lambda, "configuration-envvars").
func lambdaDefaults() []string {
	return []string{
		"LANG=en_US.UTF-8",
		"LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ=:UTC",
	}
}

// cloudBaseClient are variables by which CloudBase's server SDKs find the emulated cloud. Their
// keys are required, and any will do.
func cloudBaseClient(spec Spec) []string {
	if spec.CloudURL == "" {
		return nil
	}
	return []string{
		"TCB_CONTEXT_CNFG=" + string(encode(map[string]string{"URL": spec.CloudURL + "/admin"})),
		"TENCENTCLOUD_SECRETID=" + cmp.Or(spec.CloudKey.ID, anyKey),
		"TENCENTCLOUD_SECRETKEY=" + cmp.Or(string(spec.CloudKey.Secret), anyKey),
	}
}

// lambdaClient are variables by which AWS's SDKs find the emulated Lambda and what is beside it. On
// AWS the keys are those of the function's role.
func lambdaClient(spec Spec) []string {
	if spec.CloudURL == "" {
		return nil
	}
	return []string{
		"AWS_ENDPOINT_URL_LAMBDA=" + spec.CloudURL,
		"AWS_ENDPOINT_URL_SQS=" + spec.CloudURL,
		"AWS_ENDPOINT_URL_SCHEDULER=" + spec.CloudURL,
		"AWS_ACCESS_KEY_ID=" + cmp.Or(spec.CloudKey.ID, anyKey),
		"AWS_SECRET_ACCESS_KEY=" + cmp.Or(string(spec.CloudKey.Secret), anyKey),
	}
}

// anyKey stands for a key of which nothing is checked.
const anyKey = "any"

// environmentJSON is the Environment of one invocation: the configured variables, overlaid with
// what the platform says about this call.
func environmentJSON(configured, ofThisCall map[string]string) string {
	environment := maps.Clone(configured)
	maps.Copy(environment, ofThisCall)
	return string(encode(environment))
}
