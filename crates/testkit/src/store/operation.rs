use syncline_core::Result;
use syncline_core::state::{Operation, OperationState};
use syncline_core::store::Store;
use syncline_core::value::Value;
use uuid::Uuid;

use super::sample::{OTHER, SIDE, at, key, operation, uid, write};

topic![
    an_operation_comes_back_as_it_was,
    floats_keep_their_last_bit,
    an_operation_is_replaced_by_its_id,
    operations_of_a_side_come_oldest_first,
    operations_of_a_run_come_in_pages,
    only_closed_and_old_operations_are_purged,
];

const OPEN: [OperationState; 3] = [OperationState::Intent, OperationState::Sent, OperationState::Unknown];

async fn an_operation_comes_back_as_it_was(store: &dyn Store) -> Result<()> {
    let wanted = operation(1, OperationState::Sent, 0);
    let mut transaction = write(store).await?;
    transaction.put_operations(&[&wanted]).await?;
    assert_eq!(transaction.operations(SIDE, &OPEN, 10).await?, [wanted]);
    Ok(())
}

async fn floats_keep_their_last_bit(store: &dyn Store) -> Result<()> {
    let numbers = [1.1e-7, 5e-324, 0.1 + 0.2, 123_456_789.123_456_79];
    let wanted = Operation {
        expected: numbers.iter().map(|number| (0, Value::Float(*number))).collect(),
        ..operation(1, OperationState::Sent, 0)
    };
    let mut transaction = write(store).await?;
    transaction.put_operations(&[&wanted]).await?;
    assert_eq!(
        transaction.operations(SIDE, &OPEN, 10).await?[0].expected,
        wanted.expected
    );
    Ok(())
}

async fn an_operation_is_replaced_by_its_id(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction
        .put_operations(&[&operation(1, OperationState::Intent, 0)])
        .await?;
    let done = Operation {
        error: Some("no".to_owned()),
        ..operation(1, OperationState::Rejected, 0)
    };
    transaction.put_operations(&[&done]).await?;
    assert!(transaction.operations(SIDE, &OPEN, 10).await?.is_empty());
    assert_eq!(
        transaction.operations(SIDE, &[OperationState::Rejected], 10).await?,
        [done]
    );
    Ok(())
}

async fn operations_of_a_side_come_oldest_first(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let elsewhere = Operation {
        key: key(9, OTHER),
        ..operation(9, OperationState::Sent, 0)
    };
    transaction
        .put_operations(&[
            &operation(1, OperationState::Unknown, 30),
            &operation(2, OperationState::Intent, 10),
            &operation(3, OperationState::Sent, 20),
            &operation(4, OperationState::Confirmed, 0),
            &elsewhere,
        ])
        .await?;
    let found = transaction.operations(SIDE, &OPEN, 10).await?;
    assert_eq!(ids(&found), [uid(2), uid(3), uid(1)]);
    let found = transaction.operations(SIDE, &OPEN, 2).await?;
    assert_eq!(ids(&found), [uid(2), uid(3)]);
    let found = transaction.operations(SIDE, &[OperationState::Confirmed], 10).await?;
    assert_eq!(ids(&found), [uid(4)]);
    Ok(())
}

async fn operations_of_a_run_come_in_pages(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let elsewhere = Operation {
        run: 4,
        ..operation(9, OperationState::Sent, 0)
    };
    transaction
        .put_operations(&[
            &operation(3, OperationState::Sent, 3),
            &operation(1, OperationState::Confirmed, 1),
            &operation(2, OperationState::Rejected, 2),
            &elsewhere,
        ])
        .await?;
    let first = transaction.operations_of_run(3, None, 2).await?;
    assert_eq!(ids(&first), [uid(1), uid(2)]);
    let next = transaction.operations_of_run(3, Some(uid(2)), 2).await?;
    assert_eq!(ids(&next), [uid(3)]);
    Ok(())
}

async fn only_closed_and_old_operations_are_purged(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction
        .put_operations(&[
            &operation(1, OperationState::Confirmed, 1),
            &operation(2, OperationState::Superseded, 2),
            &operation(3, OperationState::Rejected, 3),
            &operation(4, OperationState::Unknown, 1),
            &operation(5, OperationState::Confirmed, 4),
        ])
        .await?;
    assert_eq!(transaction.purge_operations(at(4)).await?, 3);
    let left = transaction.operations_of_run(3, None, 10).await?;
    assert_eq!(ids(&left), [uid(4), uid(5)]);
    Ok(())
}

fn ids(operations: &[Operation]) -> Vec<Uuid> {
    operations.iter().map(|operation| operation.id).collect()
}
