package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/doctor"
)

// examining is one run of doctor: what its flags say.
type examining struct {
	certificate, subMchID, emulator string
	timeout                         time.Duration
	offline, json, verbose          bool
	language                        language
}

func newDoctor() *cobra.Command {
	e := &examining{}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the configuration, the keys, the network and the clock, and say how to mend them",
		Long: `doctor examines the configuration in this process's environment: every fault in
it, whether the keys belong together and to the certificate, who may call the
functions, whether WeChat Pay's addresses can be reached, and whether the clock
agrees with theirs. Then it asks one question that changes nothing, about an order
whose number is made up: a signed ORDERNOTEXIST proves that merchant, key, serial
number and verification are all right.

It shows no secret, and no value that may be one in the wrong place.

  ✓ fine   · a fact   - not looked at   ! worth a look   ✗ wrong; → what to do

Exit codes:
  0  no fault, though there may be warnings
  1  at least one fault
  2  the command line is wrong

检查环境变量、密钥与证书、调用权限、网络与时钟，并以随机订单号实测一次查单；不显示任何密钥。`,
		Example: `  cloudpay doctor
  cloudpay doctor --certificate apiclient_cert.pem --lang zh
  cloudpay doctor --offline --json
  cloudpay doctor --emulator .cloudpay`,
		Args: noArguments,
		RunE: e.run,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.SetNormalizeFunc(spellings)
	flags.StringVar(&e.certificate, "certificate", "", "the merchant's apiclient_cert.pem, to compare with the configuration")
	flags.StringVar(&e.subMchID, "sub-mch-id", "", "the sub-merchant that a service provider asks for; WXPAY_SUB_MCHID when left out")
	flags.BoolVar(&e.offline, "offline", false, "leave out what needs the network")
	flags.DurationVar(&e.timeout, "timeout", doctor.Patience, "how long the examination may take")
	flags.BoolVar(&e.json, "json", false, "print the findings as JSON, one a line")
	flags.BoolVarP(&e.verbose, "verbose", "v", false, "log in JSON to standard error")
	e.language.register(cmd)
	registerEmulator(cmd, &e.emulator)
	_ = cmd.MarkFlagFilename("certificate", "pem")
	return cmd
}

func (e *examining) run(cmd *cobra.Command, _ []string) error {
	if err := e.language.check(); err != nil {
		return err
	}
	if e.timeout <= 0 {
		return usagef("--timeout: must be longer than nothing, such as 15s")
	}
	environ, err := environment(e.emulator)
	if err != nil {
		return err
	}
	d := &doctor.Doctor{Environ: environ, Certificate: e.certificate, SubMchID: e.subMchID, Offline: e.offline}
	if e.verbose {
		d.Logs = cmd.ErrOrStderr()
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), e.timeout)
	defer cancel()
	counts := map[doctor.Level]int{}
	for finding := range d.Examine(ctx) {
		counts[finding.Level]++
		e.tell(cmd.OutOrStdout(), finding)
	}
	if cmd.Context().Err() != nil {
		return errors.New("interrupted: the examination is not complete")
	}
	return e.end(cmd.OutOrStdout(), counts)
}

// signs stand before findings, by level.
var signs = map[doctor.Level]string{
	doctor.LevelFact: "·", doctor.LevelFine: "✓", doctor.LevelSkipped: "-", doctor.LevelWarning: "!", doctor.LevelFault: "✗",
}

// titleWidth is the longest title's, in either language.
const titleWidth = 13

func (e *examining) tell(out io.Writer, f doctor.Finding) {
	if e.json {
		if line, err := json.Marshal(f.In(e.language.chinese())); err == nil { // it is texts
			fmt.Fprintf(out, "%s\n", line)
		}
		return
	}
	chinese := e.language.chinese()
	text := f.Found.In(chinese)
	if f.Subject != "" {
		text = f.Subject + words{": ", "："}.in(chinese) + text
	}
	fmt.Fprintf(out, "%s %s  %s\n", signs[f.Level], padded(f.Check.Title().In(chinese), titleWidth), printable(text))
	if remedy := f.Remedy.In(chinese); remedy != "" {
		fmt.Fprintf(out, "  %s  → %s\n", padded("", titleWidth), printable(remedy))
	}
}

// end sums up, and returns the exit code.
func (e *examining) end(out io.Writer, counts map[doctor.Level]int) error {
	faults, warnings := counts[doctor.LevelFault], counts[doctor.LevelWarning]
	if !e.json {
		fmt.Fprintf(out, words{"faults: %d, warnings: %d\n", "错误 %d 项，警告 %d 项\n"}.in(e.language.chinese()), faults, warnings)
	}
	if faults > 0 {
		return &exitError{code: exitFault}
	}
	return nil
}

// noArguments refuses arguments as an error of usage.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, and %q is one (see %s --help)", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return nil
}
