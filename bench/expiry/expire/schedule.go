package expire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// Schedules makes one-shot schedules that send to closeorder's queue. Its texts are ARNs.
type Schedules struct {
	Client *scheduler.Client
	// Queue is closeorder's queue, and DeadLetter the one for what Queue does not take.
	Queue, DeadLetter string
	// Role may send to both, and trusts scheduler.amazonaws.com.
	Role string
}

// Create schedules the close of an order. An order that is scheduled already stays as it was.
func (s Schedules) Create(ctx context.Context, outTradeNo string, closeAt time.Time, call json.RawMessage) error {
	_, err := s.Client.CreateSchedule(ctx, &scheduler.CreateScheduleInput{
		Name:                       aws.String(nameOf(outTradeNo)),
		ScheduleExpression:         aws.String(closeAt.UTC().Format("at(2006-01-02T15:04:05)")),
		ScheduleExpressionTimezone: aws.String("UTC"),
		FlexibleTimeWindow:         &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion:      types.ActionAfterCompletionDelete,
		Target: &types.Target{
			Arn: &s.Queue, RoleArn: &s.Role, Input: aws.String(string(call)),
			DeadLetterConfig: &types.DeadLetterConfig{Arn: &s.DeadLetter},
		},
	})
	if taken := (*types.ConflictException)(nil); errors.As(err, &taken) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("scheduling the close of order %s: %w", outTradeNo, err)
	}
	return nil
}

// Delete removes the schedule of an order that was paid, which saves a call to WeChat Pay. It does
// nothing if the schedule is gone.
func (s Schedules) Delete(ctx context.Context, outTradeNo string) error {
	_, err := s.Client.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: aws.String(nameOf(outTradeNo))})
	if gone := (*types.ResourceNotFoundException)(nil); err != nil && !errors.As(err, &gone) {
		return fmt.Errorf("removing the schedule of order %s: %w", outTradeNo, err)
	}
	return nil
}

// nameOf is the name of an order's schedule. A number may have characters that a name may not.
func nameOf(outTradeNo string) string {
	sum := sha256.Sum256([]byte(outTradeNo))
	return "close-" + hex.EncodeToString(sum[:16])
}
