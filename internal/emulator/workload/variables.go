package workload

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/joho/godotenv"

	"cloudpay/internal/bilingual"
)

// owned are the variables of cloudpay's own functions that only the emulator sets: the merchant,
// its keys, the tokens and the addresses. Another value would break the emulated world, or let it
// reach the real one.
var owned = []string{
	"WXPAY_MCHID", "WXPAY_APPID", "WXPAY_MODE", "WXPAY_SUB_MCHID", "WXPAY_SUB_MCHIDS", "WXPAY_SUB_APPID",
	"WXPAY_V2_KEY", "WXPAY_V3_KEY", "WXPAY_SERIAL_NO", "WXPAY_PRIVATE_KEY", "WXPAY_PUBLIC_KEY", "WXPAY_PUBLIC_KEY_ID",
	"WXPAY_BASE_URL", "WXPAY_BACKUP_URL", "WXPAY_CLOUDRUN_URL", "WXPAY_API", "WXPAY_REGION",
	"CLOUDPAY_SERVICE_TOKEN", "CLOUDPAY_HTTP_TOKEN", "CLOUDPAY_TIMER_TOKEN", "CLOUDPAY_STORE", "CLOUDPAY_NOTIFY_URL",
	"CLOUDPAY_NOTIFY_KEY", "CLOUDPAY_EMULATOR_CLOCK", "CLOUDPAY_LISTEN_HOST", "PORT",
}

// instead names the flags of the emulator by which some of them are chosen.
var instead = map[string]string{
	"WXPAY_API": "--api", "WXPAY_REGION": "--region", "WXPAY_MODE": "--partner", "CLOUDPAY_STORE": "--store",
	"CLOUDPAY_NOTIFY_URL": "--events-url",
}

// Owned reports whether only the emulator sets a variable.
func Owned(name string) bool { return slices.Contains(owned, name) }

// Variables are the functions' variables of the command line: the files in order, then single ones,
// each NAME=value. Later ones win. leftOut names those of the files that only the emulator sets.
// The error joins every fault; it shows no value.
func Variables(files, single []string) (given map[string]string, leftOut []string, err error) {
	given = map[string]string{}
	var faults []error
	for _, file := range files {
		read, err := readFile(file)
		if err != nil {
			faults = append(faults, bilingual.Errorf("--env-file %s: %w", "--env-file %s：%w", file, err))
		}
		for _, name := range slices.Sorted(maps.Keys(read)) {
			if Owned(name) {
				leftOut = append(leftOut, name)
				delete(read, name)
			} else if err := checkVariable(name); err != nil {
				faults = append(faults, bilingual.Errorf("--env-file %s: %w", "--env-file %s：%w", file, err))
			}
		}
		maps.Copy(given, read)
	}
	for _, text := range single {
		name, value, has := strings.Cut(text, "=")
		switch err := checkVariable(name); {
		case !has:
			faults = append(faults, bilingual.Errorf("--env: write NAME=value", "--env：请写作 名称=值")) // it may be a bare secret
		case Owned(name):
			faults = append(faults, ownedFault(name))
		case err != nil:
			faults = append(faults, bilingual.Errorf("--env: %w", "--env：%w", err))
		}
		given[name] = value
	}
	return given, leftOut, errors.Join(faults...)
}

// ownedFault refuses a variable that only the emulator sets.
func ownedFault(name string) error {
	if flag := instead[name]; flag != "" {
		return bilingual.Errorf("--env: %s is the emulator's own here: use %s", "--env：%s 由模拟器设置：请用 %s", name, flag)
	}
	return bilingual.Errorf("--env: %s is the emulator's own here, so that nothing real is reached", "--env：%s 由模拟器设置，以免访问真实服务", name)
}

// readFile reads a file of NAME=value lines.
func readFile(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	read, err := godotenv.Parse(file)
	fault, unreadable := errors.AsType[*fs.PathError](err)
	switch {
	case unreadable:
		return nil, bilingual.Errorf("reading it: %w", "读取：%w", fault)
	case err != nil: // the library's message quotes the line, which may hold a secret
		return nil, bilingual.Errorf("a line is not NAME=value", "有一行不是 名称=值")
	}
	return read, nil
}

// variableName is a name that the clouds accept, and reserved are the prefixes of their own (SCF
// doc "environment variables"; docs.aws.amazon.com/lambda, "configuration-envvars").
var variableName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

var reserved = []string{
	"SCF_", "QCLOUD_", "TENCENTCLOUD_", "AWS_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_", "AWS_REGION",
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
}

// checkVariable refuses a name that a cloud refuses.
func checkVariable(name string) error {
	if !variableName.MatchString(name) {
		return bilingual.Errorf("%q must start with a letter and have only letters, digits and _", "%q 须以字母开头，且只含字母、数字与 _", name)
	}
	for _, prefix := range reserved {
		if strings.HasPrefix(name, prefix) {
			return bilingual.Errorf("%s: the prefix %s is the platform's own, and it refuses such names", "%s：前缀 %s 为平台保留，平台不接受", name, prefix)
		}
	}
	return nil
}
