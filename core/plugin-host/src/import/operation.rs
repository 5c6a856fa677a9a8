//! The operation that a call belongs to: who, which object, how long, how far.

use honey_ports::Event;
use wasmtime::component::Resource;

use crate::{
    bindings::honey::plugin::operation::{Host, HostContext},
    call::{CallState, Operation},
};

/// Largest checkpoint.
const CHECKPOINT: usize = 64 << 10;

impl Host for CallState {}

impl HostContext for CallState {
    async fn operation_id(&mut self, _: Resource<Operation>) -> wasmtime::Result<String> {
        Ok(self.context.operation_id.clone())
    }

    async fn owner(&mut self, _: Resource<Operation>) -> wasmtime::Result<String> {
        Ok(self.context.owner.clone())
    }

    async fn address(&mut self, _: Resource<Operation>) -> wasmtime::Result<String> {
        Ok(self.context.address.as_str().to_owned())
    }

    async fn remaining_ms(&mut self, _: Resource<Operation>) -> wasmtime::Result<u64> {
        Ok(u64::try_from(self.remaining().as_millis()).unwrap_or(u64::MAX))
    }

    async fn canceled(&mut self, _: Resource<Operation>) -> wasmtime::Result<bool> {
        Ok(self.context.cancel.is_canceled())
    }

    async fn progress(
        &mut self,
        _: Resource<Operation>,
        message: String,
        percent: Option<u8>,
    ) -> wasmtime::Result<()> {
        self.context.progress.tell(Event::OperationProgress {
            address: self.context.address.clone(),
            message: honey_model::text::visible(&message, 300),
            percent: percent.map(|percent| percent.min(100)),
        });
        Ok(())
    }

    async fn checkpoint(
        &mut self,
        _: Resource<Operation>,
        id: String,
        progress: String,
    ) -> wasmtime::Result<()> {
        if id.len() > 500 || progress.len() > CHECKPOINT {
            return Err(wasmtime::Error::msg(
                "a checkpoint holds at most an id of 500 and progress of 65536 bytes",
            ));
        }
        let value = serde_json::from_str(&progress)
            .map_err(|error| wasmtime::Error::msg(format!("a checkpoint that is not JSON: {error}")))?;
        // What cannot be made durable must not go on: the call ends here.
        self.context
            .checkpoint
            .save(&id, &value)
            .await
            .map_err(|fault| wasmtime::Error::msg(format!("the checkpoint could not be saved: {fault}")))?;
        self.checkpoint_id = Some(id);
        Ok(())
    }

    async fn drop(&mut self, operation: Resource<Operation>) -> wasmtime::Result<()> {
        self.table.delete(operation)?;
        Ok(())
    }
}
