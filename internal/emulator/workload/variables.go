package workload

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/deployfile"
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
		read, err := deployfile.ReadEnvFile(file)
		if err != nil {
			faults = append(faults, bilingual.Errorf("--env-file %s: %w", "--env-file %s：%w", file, err))
		}
		for _, name := range slices.Sorted(maps.Keys(read.Values)) {
			if Owned(name) {
				leftOut = append(leftOut, name)
				delete(read.Values, name)
			} else if err := deployfile.CheckVariable(name); err != nil {
				faults = append(faults, bilingual.Errorf("--env-file %s: %w", "--env-file %s：%w", file, err))
			}
		}
		maps.Copy(given, read.Values)
	}
	for _, text := range single {
		name, value, has := strings.Cut(text, "=")
		switch err := deployfile.CheckVariable(name); {
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
