"""Webhooks: signed requests that tell another program how a job has ended."""

from audio_tools.webhooks.delivery import Attempt, Delivery, WebhookMessage
from audio_tools.webhooks.dispatcher import WebhookDispatcher
from audio_tools.webhooks.sender import WebhookSender
from audio_tools.webhooks.store import SubscriptionStore
from audio_tools.webhooks.subscriptions import Subscriptions

__all__ = [
    "Attempt",
    "Delivery",
    "SubscriptionStore",
    "Subscriptions",
    "WebhookDispatcher",
    "WebhookMessage",
    "WebhookSender",
]
